"""A node is killed under load: real agents, kill -9, and every job it had ends on another."""

from contextlib import ExitStack

import redis

from scheduling.keys import Keys
from tests.peers import FakeClient
from tests.stack import Process, Stack, wait_until

NODES, SLOTS, CLIENTS = 3, 5, 12  # 12 of 15 slots: load 0.8
KEYS = Keys("0")


def agent(stack: Stack, number: int) -> Process:
    words = [
        "web.command", "node", "--node-id", f"n{number}", "--slots", str(SLOTS), "--pipeline", "echo",
        "--pairs", "en-pt", "--service-ms", "1500", "--url", stack.webs[0].url("/ws/node"),
    ]  # fmt: skip
    return stack.start(f"agent-{number}", words)


def leased(ledger: redis.Redis, number: int) -> set[str]:
    """Jobs that a node holds."""
    return {member.split("|")[0] for member in ledger.zrange(KEYS.leases(f"n{number}"), 0, -1)}


def everyone_is_at_work(ledger: redis.Redis) -> bool:
    return sum(len(leased(ledger, number)) for number in range(NODES)) == CLIENTS


def test_every_job_of_a_killed_node_ends_on_another() -> None:
    with Stack(resource_threshold=100) as stack, ExitStack() as peers, stack.redis as ledger:
        agents = [agent(stack, number) for number in range(NODES)]
        for number in range(NODES):
            stack.wait_dispatchable(f"n{number}")
        url = stack.webs[0].url("/ws/session")
        clients = [peers.enter_context(FakeClient(url)) for _ in range(CLIENTS)]
        for client in clients:
            client.say(b"one " * 800)
        wait_until(lambda: everyone_is_at_work(ledger), "every client to have a slot")
        victim = max(range(NODES), key=lambda number: len(leased(ledger, number)))
        jobs = leased(ledger, victim)
        agents[victim].kill()
        assert len(jobs) >= 4
        for client in clients:
            client.say(b"two " * 800)
        for client in clients:
            client.result(2)
            assert [result["type"] for result in client.results] == ["translation_result"] * 2
            assert [result["utterance_index"] for result in client.results] == [0, 1]
            assert not client.all("error")
        for job in jobs:
            record = ledger.hgetall(KEYS.job(job))
            assert (record["state"], int(record["attempt"])) == ("done", 2)
            assert record["node"] != f"n{victim}"
        assert stack.record_of(f"n{victim}")["status"] == "offline"
        assert ledger.zcard(KEYS.leases(f"n{victim}")) == 0
