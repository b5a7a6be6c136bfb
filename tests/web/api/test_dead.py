"""Dead letters on real web processes: jobs that took their nodes with them, over real sockets."""

import base64
import json
from contextlib import ExitStack
from typing import Any

import pytest

from scheduling.keys import Keys
from tests.peers import FakeClient
from tests.stack import Stack, wait_until
from tests.web.api.test_api import ask, code, get
from tests.web.command.test_operator import told

Pair = tuple[str, str]

SOUND = b"a poem of death " * 200


def kill_three(stack: Stack, client: FakeClient) -> tuple[str, list[str]]:
    """Have the client's next utterance take three nodes with it; give its job and their ids."""
    pair, before = client.languages, len(client.results)
    with ExitStack() as peers:
        left = [peers.enter_context(stack.node(pair, answer=None)) for _ in range(3)]
        client.say(SOUND)
        killed = []
        for _ in range(3):
            wait_until(lambda: any(node.jobs for node in left), "the next to be asked")
            (victim,) = [node for node in left if node.jobs]
            left.remove(victim)
            killed.append(victim)
            victim.cut()
    assert client.result(before + 1)["type"] == "missing_result"
    return killed[0].job()["job_id"], [node.node_id for node in killed]


def with_audio(stack: Stack, job_id: str) -> dict[str, Any]:
    """Give a dead letter, once whoever told its client has settled the audio."""
    stack.wait_kept(job_id)
    return get(stack, f"dead/{job_id}")


def test_a_job_that_kills_its_nodes_can_be_read_placed_again_and_dropped(stack: Stack, pair: Pair) -> None:
    with stack.client(*pair, tenant_id="acme") as client:
        job_id, nodes = kill_three(stack, client)
        found = with_audio(stack, job_id)
        assert found["sentence"] == f"It killed 3 nodes: {', '.join(nodes)}."
        assert [(item["attempt"], item["node"], item["how"]) for item in found["attempts"]] == [
            (at, node, "lost") for at, node in enumerate(nodes, start=1)
        ]
        assert (found["session_id"], found["tenant"]) == (client.session_id, "acme")
        assert (found["pair"], found["code"]) == ("→".join(pair), "NODE_UNAVAILABLE")
        assert (found["audio_bytes"], found["replays"]) == (len(SOUND), [])
        listed = [letter for letter in get(stack, "dead?limit=500", web=1)["dead"] if letter == found]
        assert len(listed) == 1
        with stack.node(pair) as node:
            status, replayed = ask(stack, "POST", f"dead/{job_id}/replay", web=1)
            assert status == 200
            result = get(stack, f"{replayed['result'].removeprefix('/api/v1/')}?wait_s=20")
            assert (result["job_id"], result["state"]) == (replayed["replay"], "done")
            assert result["result"]["text_translated"] == f"{pair[1]} 0"
            again = node.job()
            assert base64.b64decode(again["audio"]) == SOUND
            assert again["job_id"] == replayed["replay"] != job_id
            assert again["session_id"] != client.session_id
            assert get(stack, f"dead/{job_id}")["replays"] == [replayed["replay"]], "and it is still there"
            client.say()
            assert client.texts(2) == ["-", f"{pair[0]} 1"], "its session gets nothing of a replay"
            assert len(client.all("error")) == 1
        assert ask(stack, "DELETE", f"dead/{job_id}")[0] == 200
        with stack.redis as ledger:
            assert not ledger.exists(Keys("0").body(f"a:{job_id}"), Keys("0").dead_letter(job_id))
        assert code(stack, "GET", f"dead/{job_id}") == (404, "NOT_FOUND")


def test_it_is_counted(stack: Stack, pair: Pair) -> None:
    before = get(stack, "metrics")["cell"]
    with stack.client(*pair) as client:
        job_id, _ = kill_three(stack, client)
    after = get(stack, "metrics")["cell"]
    assert after["dead"] == before["dead"] + 1
    assert after["jobs"]["dead"] == before["jobs"]["dead"] + 1
    assert get(stack, "stats")["dead"] == after["dead"]
    ask(stack, "DELETE", f"dead/{job_id}")
    assert get(stack, "stats")["dead"] == before["dead"]


def test_a_failure_that_a_node_told_itself_leaves_nothing(stack: Stack, pair: Pair) -> None:
    """Neither a letter nor its audio: what nobody can use is not kept."""
    broken = {"success": False, "error": {"code": "PROCESSING_ERROR", "message": "broke", "details": None}}
    with stack.node(pair, answer=lambda _: broken) as node, stack.client(*pair) as client:
        client.say(SOUND)
        assert client.result()["type"] == "missing_result"
        job_id = node.job()["job_id"]
        assert code(stack, "GET", f"dead/{job_id}") == (404, "NOT_FOUND")
        with stack.redis as ledger:
            wait_until(lambda: not ledger.exists(Keys("0").body(f"a:{job_id}")), "its audio to be dropped")


def test_a_replay_without_audio_is_refused_with_a_sentence(pair: Pair) -> None:
    """DEAD_AUDIO_MS=0 keeps the letter and not the voice."""
    with Stack(dead_audio_ms=0) as own, own.client(*pair) as client:
        job_id, _ = kill_three(own, client)
        with own.redis as ledger:
            wait_until(lambda: not ledger.exists(Keys("0").body(f"a:{job_id}")), "its audio to be dropped")
        assert get(own, f"dead/{job_id}")["audio_bytes"] == 0
        assert code(own, "POST", f"dead/{job_id}/replay") == (409, "CONFLICT")
        assert "not kept" in told(own, "dead", "show", job_id)


def test_a_replay_that_no_node_can_take_is_refused_as_any_recording(pair: Pair) -> None:
    with Stack(max_waiting=0) as own, own.client(*pair) as client:
        job_id, _ = kill_three(own, client)
        with_audio(own, job_id)
        with own.node(pair, slots=1, answer=None) as node:
            client.say()
            node.job()
            assert code(own, "POST", f"dead/{job_id}/replay") == (429, "NODE_OVERLOADED")
            with own.redis as ledger:  # so it is told where too many tenants wait to tell them apart
                ledger.hset(Keys("0").dead_letter(job_id), "tenant", "~")
            assert code(own, "POST", f"dead/{job_id}/replay") == (409, "CONFLICT")
        assert get(own, f"dead/{job_id}")["replays"] == []


@pytest.mark.parametrize("keep", [{"dead_letters": 0}, {"dead_ms": 0}])
def test_it_can_be_turned_off(pair: Pair, keep: dict[str, int]) -> None:
    with Stack(**keep) as own, own.client(*pair) as client:
        job_id, _ = kill_three(own, client)
        assert get(own, "dead")["dead"] == []
        with own.redis as ledger:
            wait_until(lambda: not ledger.exists(Keys("0").body(f"a:{job_id}")), "its audio to be dropped")


def test_the_audio_of_one_that_newer_ones_pushed_out_is_dropped(pair: Pair) -> None:
    with Stack(dead_letters=1) as own, own.client(*pair) as client:
        jobs = [kill_three(own, client)[0] for _ in range(2)]
        with_audio(own, jobs[1])
        assert [letter["job_id"] for letter in get(own, "dead")["dead"]] == [jobs[1]]
        with own.redis as ledger:
            wait_until(lambda: not ledger.exists(Keys("0").body(f"a:{jobs[0]}")), "its audio to be dropped")


def test_with_workers_they_keep_the_audio_as_well(pair: Pair) -> None:
    with Stack(workers=True) as own, own.client(*pair) as client:
        job_id, _ = kill_three(own, client)
        assert with_audio(own, job_id)["audio_bytes"] == len(SOUND)
        own.assert_clean_logs()


def test_pages_and_the_command(pair: Pair) -> None:
    with Stack() as own, own.client(*pair) as client:
        assert "no dead letter" in told(own, "dead", "list")
        jobs = [kill_three(own, client)[0] for _ in range(3)]
        first = get(own, "dead?limit=2")
        assert (first["total"], [letter["job_id"] for letter in first["dead"]]) == (3, jobs[:0:-1])
        rest = get(own, f"dead?limit=2&cursor={first['next_cursor']}")
        assert ([letter["job_id"] for letter in rest["dead"]], rest["next_cursor"]) == (jobs[:1], None)
        assert code(own, "GET", "dead?cursor=x") == (400, "INVALID_MESSAGE")
        with_audio(own, jobs[0])
        listed = told(own, "dead", "list")
        assert listed.count("It killed 3 nodes") == 3
        assert "the node was lost" in told(own, "dead", "show", jobs[0])
        assert [one["job_id"] for one in json.loads(told(own, "dead", "list", "--json"))["dead"]] == jobs[
            ::-1
        ]
        with own.node(pair) as node:
            assert node.wait("node_status", status="ready")
            said = told(own, "dead", "replay", jobs[0])
            replay = node.job()["job_id"]
            assert replay in said
            assert replay in told(own, "dead", "show", jobs[0])
        assert "1 dead letter dropped" in told(own, "dead", "drop", jobs[0])
        assert len(json.loads(told(own, "dead", "drop", "--all", "--json"))["dropped"]) == 2
        assert "no dead letter" in told(own, "dead", "list")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "dead/ghost"), ("DELETE", "dead/ghost"), ("POST", "dead/ghost/replay")]
)
def test_an_unknown_one_is_a_sentence(stack: Stack, method: str, path: str) -> None:
    assert code(stack, method, path) == (404, "NOT_FOUND")


def test_it_is_for_operators_only(pair: Pair) -> None:
    with Stack(admin_token="secret") as own:
        for method, path in (
            ("GET", "dead"),
            ("GET", "dead/x"),
            ("DELETE", "dead/x"),
            ("POST", "dead/x/replay"),
        ):
            assert code(own, method, path) == (401, "UNAUTHORIZED")
