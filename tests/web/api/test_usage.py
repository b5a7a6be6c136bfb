"""Usage by tenant and node: counted once, told by day."""

import csv
import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from scheduling.ledger import Ledger
from scheduling.store.plain import PlainStore
from scheduling.usage import read_usage, today
from tests.faults import Faults, FaultyStore
from tests.lua.world import World
from tests.stack import Stack, wait_until
from tests.web.api.test_access import ask as ask_as
from tests.web.api.test_api import code, get
from tests.web.command.test_operator import told
from web.usage import UsageBook

PAIR = ("en", "pt")


def rows_of(stack: Stack, by: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in get(stack, f"usage?by={by}")["rows"]}


def test_what_was_said_is_counted_by_tenant_and_node_over_two_processes() -> None:
    with (
        Stack(webs=2) as stack,
        stack.node(PAIR, slots=4) as node,
        stack.client(*PAIR, tenant_id="acme") as one,
        stack.client(*PAIR, web=1, tenant_id="=1+1") as two,
    ):
        one.say(bytes(32_000))
        two.utterance(0, bytes(64_000))
        two.utterance(1, bytes(96_000))
        one.result()
        two.result(2)

        def settled() -> bool:
            tenants, nodes = rows_of(stack, "tenant"), rows_of(stack, "node")
            rows = (*tenants.values(), *nodes.values())
            return [sum(row[name] for row in rows) for name in ("results", "utterances")] == [6, 6]

        wait_until(settled, "all to be counted")
        tenants, nodes = rows_of(stack, "tenant"), rows_of(stack, "node")
        day = today().isoformat()
        assert tenants["acme"] == {
            "day": day, "name": "acme", "audio_minutes": 0.017, "utterances": 1, "results": 1,
        }  # fmt: skip
        assert (tenants["=1+1"]["utterances"], tenants["=1+1"]["results"]) == (2, 2)
        assert nodes[node.node_id]["utterances"] == nodes[node.node_id]["results"] == 3
        assert nodes[node.node_id]["audio_minutes"] == pytest.approx(0.1)
        report = get(stack, f"usage?from={today() - timedelta(days=3)}&to={day}", web=1)
        assert (report["utterances"], report["results"], report["by"]) == (3, 3, "tenant")
        _, written, _ = ask_as(stack, "/api/v1/usage", Accept="text/csv")
        lines = list(csv.reader(StringIO(written)))
        assert lines[0] == ["day", "tenant", "audio_minutes", "utterances", "results"]
        assert lines[1] == [day, "'=1+1", "0.083", "2", "2"]
        shown = told(stack, "usage")
        assert [line.split()[1:] for line in shown.splitlines()[2:3]] == [["acme", "0.0", "1", "1"]]
        assert told(stack, "usage", "--by", "node", "--csv").splitlines()[0].startswith("day,node,")
        assert json.loads(told(stack, "usage", "--json"))["results"] == 3
        assert "Nothing was used" in told(stack, "usage", "--from", "2020-01-01", "--to", "2020-01-02")
        metrics = get(stack, "metrics")["process"]["usage"]
        assert metrics == {"audio_ms": 1000, "utterances": 1, "results": 3}


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=2026-13-01", "from=2026-02-02&to=2026-02-01", "from=2025-01-01", "by=moon"],
)
def test_a_wrong_question_is_explained(stack: Stack, query: str) -> None:
    assert code(stack, "GET", f"usage?{query}") == (400, "INVALID_MESSAGE")


def test_a_result_said_again_counts_once() -> None:
    """An agent that lost its socket before the acknowledgement says its result again."""
    with (
        Stack() as stack,
        stack.client(*PAIR, tenant_id="acme") as client,
        stack.node(PAIR, answer=None, result_acks=True) as node,
    ):
        client.say()
        for nth in (1, 2, 3):
            node.answer(node.job())
            assert node.wait("job_result_ack", nth)["accepted"]
        client.result()
        client.say()
        node.answer(node.job(2))
        client.result(2)
        wait_until(lambda: rows_of(stack, "tenant").get("acme", {}).get("results", 0) >= 2, "the count")
        assert rows_of(stack, "tenant")["acme"]["results"] == 2
        assert rows_of(stack, "node")[node.node_id]["results"] == 2


def test_a_batch_counts_once_whatever_becomes_of_its_calls(store: PlainStore) -> None:
    """A third of all calls fail, before or after they had their effect."""
    world = World(store)
    for seed in range(20):
        faulty = Ledger(FaultyStore(store, Faults(seed, rate=0.3)), world.settings)
        faulty.cell.epoch = world.ledger.cell.epoch
        book = UsageBook(faulty, f"web{seed}")
        for nth in range(10):
            book.spoke("acme", nth)
            book.done("n1", "acme", nth)
            book.settle_at_last()
        calm = UsageBook(world.ledger, f"web{seed}")
        calm._numbers, calm._batches, calm._amounts = book._numbers, book._batches, book._amounts
        calm.settle()
    (row,) = read_usage(world.ledger.cell, "tenant", today(), today())
    assert (row.amount.utterances, row.amount.results, row.amount.audio_ms) == (200, 200, 20 * 45)


def test_what_a_process_counted_is_told_before_it_ends() -> None:
    with Stack(webs=2) as stack, stack.node(PAIR), stack.client(*PAIR, web=1, tenant_id="acme") as client:
        client.say()
        client.result()
        stack.webs[1].terminate()
        stack.webs[1].wait()
        assert rows_of(stack, "tenant")["acme"]["utterances"] == 1


def test_without_days_nothing_is_kept() -> None:
    with Stack(usage_days=0) as stack, stack.node(PAIR), stack.client(*PAIR) as client:
        client.say()
        client.result()
        before = stack.webs[0].stats()["link"]
        wait_until(lambda: stack.webs[0].stats()["link"] != before, "the process to have settled")
        with stack.redis as redis:
            assert not redis.keys("*usage*")
