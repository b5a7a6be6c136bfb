"""Results that a node keeps until it is told that they are on record."""

import redis

from scheduling.keys import Keys
from tests.peers import Frame, failure
from tests.scheduling.store.proxy import Proxy
from tests.stack import Process, Stack, wait_until

Pair = tuple[str, str]


def about(job: Frame, *, accepted: bool) -> Frame:
    names = {"job_id": job["job_id"], "attempt_id": job["attempt_id"]}
    return {"type": "job_result_ack", **names, "accepted": accepted}


def test_a_node_that_asks_is_told_that_its_results_are_on_record(stack: Stack, pair: Pair) -> None:
    """By the id it knows: that of a second attempt on one node has a suffix."""
    with stack.node(pair, answer=failure("PROCESSING_ERROR"), result_acks=True) as node:
        assert node.wait("node_register_ack")["result_acks"] is True
        with stack.client(*pair) as client:
            client.say()
            assert node.wait("job_result_ack") == about(node.job(1), accepted=True)
            node.answer_with = None
            second = node.job(2)
            assert second["job_id"].endswith("~2")
            node.answer(second)
            assert node.wait("job_result_ack", nth=2) == about(second, accepted=True)
            node.answer(second)
            assert node.wait("job_result_ack", nth=3) == about(second, accepted=True), "twice is once"
            client.result(1)


def test_a_result_that_came_too_late_need_not_be_sent_again(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None, result_acks=True) as node, stack.client(*pair) as client:
        client.say()
        job = node.job()
        client.send("utterance_cancel", session_id=client.session_id, utterance_index=0)
        node.wait("job_cancel")
        node.answer(job)
        assert node.wait("job_result_ack") == about(job, accepted=False)
        node.answer({**job, "job_id": "job-nobody-knows"})
        assert node.wait("job_result_ack", nth=2)["accepted"] is False


def test_who_does_not_ask_is_told_nothing(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, ours=True) as node, stack.client(*pair) as client:
        client.say()
        client.say()
        client.result(2)
        assert "result_acks" not in node.wait("node_register_ack")
        assert not node.all("job_result_ack")


def test_a_result_whose_acknowledgement_was_lost_is_counted_once(pair: Pair) -> None:
    """The process that recorded it is killed, and nobody knows whether the node heard of it."""
    with Stack(webs=2) as own, own.client(*pair, web=1) as client:
        with own.node(pair, ours=True, result_acks=True, answer=None) as node:
            client.say()
            job = node.job()
            node.answer(job)
            client.result(1)
            own.webs[0].kill()
        kept = [{"job_id": job["job_id"], "attempt_id": job["attempt_id"]}]
        with own.node(
            pair, web=1, ours=True, result_acks=True, node_id=node.node_id, running_attempts=kept
        ) as again:
            again.answer(job)
            assert again.wait("job_result_ack") == about(job, accepted=True)
            client.say()
            assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"], "each utterance has one result"
            assert not client.all("error")


def test_what_is_not_on_record_is_not_acknowledged(pair: Pair) -> None:
    """The agent let go of what the server had read. A server whose ledger did not answer for long then gave
    up on the result, and nobody had it any more."""
    with (
        Stack(attempt_ms=1000, store_timeout_s=0.3) as own,
        own.client(*pair) as client,
        own.node(pair, result_acks=True, answer=None) as node,
    ):
        client.say()
        job = node.job()
        own.valkey.pause()
        node.answer(job)
        node.wait("error", code="SCHEDULER_DEPENDENCY_DOWN")
        assert not node.all("job_result_ack")
        own.valkey.resume()
        node.answer(job)
        node.wait("job_result_ack")
        client.result(1)


def started(ledger: redis.Redis) -> list[str]:
    """Jobs that a node says it works on."""
    keys = Keys("0").job("")
    names = [str(name) for name in ledger.keys(f"{keys}*")]
    return [name.removeprefix(keys) for name in names if ledger.hget(name, "state") == "started"]


def agent(stack: Stack, proxy: Proxy) -> Process:
    words = [
        "web.command", "node", "--node-id", "n1", "--slots", "2", "--pipeline", "echo", "--pairs", "en-pt",
        "--service-ms", "500", "--url", f"ws://127.0.0.1:{proxy.port}/ws/node",
    ]  # fmt: skip
    return stack.start("agent", words)


def test_a_result_that_was_read_but_not_recorded_is_sent_again() -> None:
    """A process has read it and is killed before the ledger answers; the agent comes back to another one."""
    with Stack(webs=2, resource_threshold=100) as own, Proxy(own.webs[0].port) as proxy:
        running = agent(own, proxy)
        own.wait_dispatchable("n1")
        with own.client(web=1) as client, own.redis as ledger:
            client.say(b"spoken  " * 400)
            wait_until(lambda: bool(started(ledger)), "the agent to begin")
            (job,) = started(ledger)
            own.valkey.pause()
            running.wait_log(f"job {job} done")
            proxy.lead_to(own.webs[1].port)
            own.webs[0].kill()
            own.valkey.resume()
            client.result(1)
            client.say(b"again   " * 400)
            client.result(2)
            assert [frame["type"] for frame in client.results] == ["translation_result"] * 2
            record = ledger.hgetall(Keys("0").job(job))
            assert (record["state"], record["attempt"]) == ("done", "1"), "nobody did the work twice"
