"""What operators change is on record, done or refused; what strangers try is not."""

import json
import logging
import urllib.error
import urllib.request

import pytest
from flask import Blueprint, Flask

from scheduling.audit import Action, audit_page, note_action
from scheduling.explain import BadCursor
from scheduling.ledger import Ledger
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.stack import Stack
from tests.valkey import Valkey
from tests.web.api.test_access import ask as ask_guarded
from tests.web.api.test_api import ask, code, get
from tests.web.command.test_main import run
from tests.web.command.test_operator import told
from web.api.audit import add_audit

Pair = tuple[str, str]

DRAINED = Action(
    who="this machine", address="127.0.0.1", instance="w", action="node.drain", target="n1", status=200
)


@pytest.fixture
def ledger(store: PlainStore, valkey: Valkey) -> Ledger:
    return Ledger(store, Settings(redis_url=valkey.url, audit_entries=3))


def test_a_change_is_on_record_with_who_what_and_why(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node:
        ask(stack, "POST", f"nodes/{node.node_id}/drain", {"reason": "new\ndriver"})
        ask(stack, "POST", f"nodes/{node.node_id}/undrain", web=1)
        get(stack, f"nodes/{node.node_id}")
        last, first = get(stack, f"audit?target={node.node_id}")["audit"]
    assert (first["action"], first["reason"], first["status"], first["code"]) == (
        "node.drain",
        "new driver",
        200,
        "",
    )
    assert (first["who"], first["address"]) == ("this machine", "127.0.0.1")
    assert (last["action"], last["reason"]) == ("node.undrain", "")
    assert last["instance"] != first["instance"]
    assert last["at_ms"] >= first["at_ms"]


def test_who_was_banned_is_on_record(stack: Stack) -> None:
    """It had the kind alone: that some subject was banned, and not which one."""
    ask(stack, "POST", "revocations/subject/eve", {"reason": "abuse"})
    ask(stack, "DELETE", "revocations/subject/eve")
    last, first = get(stack, "audit?target=subject:eve")["audit"]
    assert (first["action"], first["reason"], last["action"]) == (
        "revocation.add",
        "abuse",
        "revocation.drop",
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "refused", "action"),
    [
        ("POST", "nodes/{}/quarantine", None, (404, "NOT_FOUND"), "node.quarantine"),
        ("POST", "nodes/{}/drain", "[1]", (400, "INVALID_MESSAGE"), "node.drain"),
        ("POST", "jobs/{}/cancel", None, (404, "NOT_FOUND"), "job.cancel"),
        ("POST", "dead/{}/replay", None, (404, "NOT_FOUND"), "dead.replay"),
        ("DELETE", "dead/{}", None, (404, "NOT_FOUND"), "dead.drop"),
    ],
)
def test_what_was_refused_is_on_record_too(
    stack: Stack, pair: Pair, method: str, path: str, body: str | None, refused: tuple[int, str], action: str
) -> None:
    target = f"ghost-{pair[0]}"
    assert code(stack, method, path.format(target), body) == refused
    (found,) = get(stack, f"audit?target={target}")["audit"]
    assert (found["action"], found["status"], found["code"]) == (action, *refused)


def test_tokens_are_told_apart_and_strangers_leave_nothing() -> None:
    with Stack(admin_token="s3cret-töken") as own:
        url = f"http://127.0.0.1:{own.webs[0].port}"
        done = run("drain", "ghost", "--url", url, "--token", "s3cret-töken")
        assert done.returncode == 1
        assert run("drain", "ghost", "--url", url, "--token", "wrong").returncode == 1
        assert ask_guarded(own, "/api/v1/audit")[0] == 401
        shown = run("audit", "--url", url, "--token", "s3cret-töken", "--json").stdout
        (found,) = json.loads(shown)["audit"]
        assert found["who"].startswith("token ")
        assert len(found["who"]) == len("token ") + 8
        assert "s3cret" not in shown + own.webs[0].log
        assert f"{found['who']} at 127.0.0.1: node.drain ghost, status 404" in own.webs[0].log


def test_what_a_proxy_says_is_kept_apart_from_the_peer() -> None:
    with Stack(admin_token="t") as own:
        url = f"http://127.0.0.1:{own.webs[0].port}/api/v1/nodes/ghost/drain"
        headers = {"Authorization": "Bearer t", "X-Forwarded-For": "10.1.2.3"}
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, b"", headers), timeout=10)
        caught.value.close()
        _, body, _ = ask_guarded(own, "/api/v1/audit", Authorization="Bearer t")
        (found,) = json.loads(body)["audit"]
        assert (found["address"], found["forwarded"]) == ("127.0.0.1", "10.1.2.3")


def test_people_get_a_table(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node:
        told(stack, "drain", node.node_id, "--reason", "new driver")
        shown = told(stack, "audit", "--target", node.node_id)
    assert shown.splitlines()[0].split()[:3] == ["WHEN", "(UTC)", "WHO"]
    assert "node.drain" in shown
    assert "done" in shown
    assert "new driver" in shown
    assert "No operator has changed" in told(stack, "audit", "--target", "nothing")


def test_pages_follow_each_other_also_of_one_target(ledger: Ledger) -> None:
    for target in ("n1", "n2", "n3"):
        note_action(ledger.cell, DRAINED.model_copy(update={"target": target}))
    first = audit_page(ledger.cell, 2)
    assert [one.target for one in first.audit] == ["n3", "n2"]
    assert first.next_cursor
    rest = audit_page(ledger.cell, 2, first.next_cursor)
    assert ([one.target for one in rest.audit], rest.next_cursor) == (["n1"], None)
    only = audit_page(ledger.cell, 2, target="n1")
    assert ([one.target for one in only.audit], only.next_cursor) == (["n1"], None)
    with pytest.raises(BadCursor):
        audit_page(ledger.cell, 2, "yesterday")


def test_a_wrong_cursor_is_a_sentence(stack: Stack) -> None:
    assert code(stack, "GET", "audit?cursor=x") == (400, "INVALID_MESSAGE")


def test_the_record_is_bounded_in_number_and_time(ledger: Ledger) -> None:
    for number in range(5):
        note_action(ledger.cell, DRAINED.model_copy(update={"target": f"n{number}"}))
    page = audit_page(ledger.cell, 10)
    assert (page.total, [one.target for one in page.audit]) == (3, ["n4", "n3", "n2"])
    assert 0 < ledger.cell.store.command("PTTL", ledger.keys.audit) <= ledger.cell.settings.audit_ms
    brief = Ledger(ledger.cell.store, ledger.cell.settings.model_copy(update={"audit_ms": 1}))
    seconds, micros = ledger.cell.store.command("TIME")
    old = (int(seconds) * 1000 + int(micros) // 1000) - 60_000
    ledger.cell.store.command("DEL", ledger.keys.audit)
    ledger.cell.store.command(
        "XADD", ledger.keys.audit, f"{old}-0", "token", "t", "at_ms", old, "action", DRAINED.model_dump_json()
    )
    assert audit_page(brief.cell, 10).audit == [], "what is too old is not shown before it is trimmed"
    note_action(brief.cell, DRAINED)
    assert ledger.cell.store.command("XLEN", ledger.keys.audit) <= 1


def test_it_may_be_turned_off(ledger: Ledger) -> None:
    off = Ledger(ledger.cell.store, ledger.cell.settings.model_copy(update={"audit_entries": 0}))
    note_action(off.cell, DRAINED)
    assert audit_page(ledger.cell, 10).audit == []


def test_what_was_done_is_answered_though_the_ledger_is_away(
    own_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has it then; the action itself is over."""
    with PlainStore(own_valkey.url, timeout_s=0.2) as store:
        app, api = Flask("web"), Blueprint("api", "web.api", url_prefix="/api/v1")
        add_audit(api, Ledger(store, Settings(redis_url=own_valkey.url)).cell, "w")
        api.post("/nodes/<node_id>/drain")(lambda node_id: {"node_id": node_id})
        app.register_blueprint(api)
        own_valkey.kill()
        with caplog.at_level(logging.INFO, logger="web.api.audit"):
            answer = app.test_client().post("/api/v1/nodes/n1/drain", json={"reason": "why"})
    assert (answer.status_code, answer.get_json()) == (200, {"node_id": "n1"})
    said = [record.getMessage() for record in caplog.records if record.name == "web.api.audit"]
    assert said[0] == "this machine at 127.0.0.1: node.drain n1, status 200 (why)"
    assert "in this log alone" in said[1]
