"""A web process that stops and goes on: after a moment nobody notices, later it was declared dead."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from scheduling.keys import Keys
from tests.peers import translation
from tests.stack import Stack, Web, wait_until
from tests.web.api.test_api import get
from tests.web.room_peers import create, join, listed
from tests.web.test_resume import place_of

#: Declared dead as soon as the settings allow.
SOON = {"presence_ms": 1000, "instance_dead_ms": 3000, "grace_ms": 300}


def instance_of(web: Web) -> str:
    """Name of the instance that a process is."""
    return str(web.stats()["instance"])


@contextmanager
def paused(web: Web) -> Iterator[None]:
    """Stop the process that holds the sockets, as a virtual machine that is moved."""
    worker = int(instance_of(web).split("-")[-2])
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def lost(stack: Stack, web: int = 1) -> int:
    """How many processes were declared dead so far."""
    return int(get(stack, "cluster", web=web)["lost_instances"])


def named(stack: Stack, instance: str) -> list[str]:
    """Keys of the ledger in which an instance is named, but for the number of its last batch of usage.

    That one has its own end: a batch told twice, before and after a stall, must count once.
    """
    with stack.redis as ledger:
        prefix, all_keys = Keys("0").prefix, list(ledger.scan_iter(count=1000))
        found = [key for key in all_keys if instance in key and key != Keys("0").usage_seen(instance)]
        found += [key for key in (f"{prefix}instances",) if ledger.zscore(key, instance) is not None]
        found += [key for key in (f"{prefix}generations",) if ledger.hexists(key, instance)]
        for kind in ("node", "session"):
            keys = list(ledger.scan_iter(match=f"{prefix}{kind}:*", count=1000))
            found += [key for key in keys if ledger.hget(key, "owner") == instance]
        return found


def leased(stack: Stack) -> int:
    """Slots that are in use, by the leases themselves and by the total that is kept of them."""
    with stack.redis as ledger:
        leases = sum(ledger.zcard(key) for key in ledger.scan_iter(match="*:leases:*", count=1000))
        assert leases == int(ledger.hget(Keys("0").cell, "slots_used") or 0)
        return leases


def test_declared_dead_it_comes_back_and_doubles_nothing() -> None:
    """Its node answers into the pause, its client has gone on elsewhere when it wakes up."""
    with Stack(webs=2, pause_ms=60_000, **SOON) as stack:
        woken = stack.webs[0]
        old = stack.node(("en", "pt"), answer=None, ours=True, slots=1)
        client, deaf = stack.client(resumable=True), stack.client()
        client.say()
        job = old.job()
        client.wait("audio_ack", seq=1)
        client.chunk(b"ab")
        deaf.say()
        stack.wait_waiting(1)  # for the slot; one that the pause catches on its way would be refused
        with paused(woken):
            old.answer(job)
            wait_until(lambda: lost(stack) == 1, "the declaration")
            with stack.redis as ledger:
                name = Keys("0").session(client.session_id)
                wait_until(lambda: ledger.hget(name, "owner") == "", "its session to be detached")
            other = stack.node(("en", "pt"), web=1)
            back = stack.client(web=1, resumable=True, resume=place_of(client))
            assert back.wait("session_init_ack")["resumed"]
            back.chunk(b"ab", seq=1)
            back.chunk(b"cd", seq=2, final=True)
            assert back.texts(2) == ["en 0", "en 1"]
            attempts = [found["attempt_id"] for found in other.jobs if found["session_id"] == back.session_id]
            assert sorted(attempts) == [1, 2], "the first was given to another node, as its own was lost"
        assert client.wait_closed()[0] == 4001, "its session is another socket's"
        assert not client.results, "the result of the former attempt"
        assert deaf.texts(1) == ["en 0"], "its socket is as it was"
        old.heartbeat()
        stack.wait_dispatchable(old.node_id)
        wait_until(lambda: woken.get("/ready")[0] == 200, "it to be ready")
        assert get(stack, "cluster", web=0)["online_instances"] == 2
        deaf.say()
        back.chunk(bytes(3200), final=True, seq=3)
        assert deaf.texts(2) == ["en 0", "en 1"]
        assert back.texts(3) == ["en 0", "en 1", "en 2"]
        other.close()
        old.answer_with = translation
        back.chunk(bytes(3200), final=True, seq=4)
        assert back.texts(4) == [f"en {index}" for index in range(4)]
        assert leased(stack) == 0
        stack.assert_clean_logs()


def test_a_pause_that_is_short_enough_changes_nothing() -> None:
    with Stack(webs=2) as stack, stack.node(("en", "pt"), web=1, answer=None, slots=3) as node:
        before = get(stack, "cluster")["instances"]
        client = stack.client(resumable=True)
        client.say()
        job = node.job()
        with paused(stack.webs[0]), stack.client(web=1) as bystander:
            node.answer(job)
            bystander.say()
            node.answer(node.job(2))
            assert bystander.texts(1) == ["en 0"]
            client.say()
        node.answer(node.job(3))
        assert client.texts(2) == ["en 0", "en 1"]
        assert lost(stack) == 0

        def generations(instances: list[dict[str, object]]) -> dict[object, object]:
            return {one["instance_id"]: one["generation"] for one in instances}

        assert generations(get(stack, "cluster")["instances"]) == generations(before)
        stack.assert_clean_logs()


def test_hints_that_a_stalled_process_never_reads_are_made_up_for() -> None:
    """Its inbox is bounded; whatever was cut off it is found out otherwise: a result by its stream, an
    assignment by its deadline.
    """
    with Stack(webs=2, dispatch_ms=300, relax_ms=200) as stack:
        far = stack.node(("en", "pt"), web=1, answer=None, slots=1)
        client, speaker = stack.client(), stack.client("en", "de", web=1)
        near = stack.node(("en", "de"), answer=None)
        client.say()
        job = far.job()
        inbox = Keys("0").inbox(instance_of(stack.webs[0]))
        with paused(stack.webs[0]), stack.redis as ledger:
            _take_its_read(ledger, inbox)
            far.answer(job)
            speaker.say()
            wait_until(lambda: _kinds(ledger.xrange(inbox)) >= {"out", "dispatch"}, "both hints")
            ledger.xtrim(inbox, maxlen=0, approximate=False)
        assert client.texts(1) == ["en 0"]
        near.answer(near.job())
        assert speaker.texts(1) == ["en 0"]
        stack.assert_clean_logs()


def test_a_change_of_a_room_that_a_stalled_process_never_reads_is_noticed() -> None:
    """Its members went by the old list until the next change, which may never have come."""
    with Stack(webs=2) as stack, stack.redis as ledger:
        ann, bob = stack.client(), stack.client(web=1)
        code = create(ann)
        inbox = Keys("0").inbox(instance_of(stack.webs[0]))
        with paused(stack.webs[0]):
            _take_its_read(ledger, inbox)
            join(bob, code)
            wait_until(lambda: "room" in _kinds(ledger.xrange(inbox)), "the hint")
            ledger.xtrim(inbox, maxlen=0, approximate=False)
        ann.wait_for(lambda: listed(ann) == {ann.session_id, bob.session_id}, "the list", within_s=60)
        stack.assert_clean_logs()


def _take_its_read(ledger: redis.Redis, inbox: str) -> None:
    """Answer the read that a stopped process waits in: what comes next stays in its inbox."""
    ledger.xadd(inbox, {"kind": "event", "session": "nobody", "body": "[]"})


def _kinds(entries: list[tuple[str, dict[str, str]]]) -> set[str]:
    return {fields["kind"] for _, fields in entries}


def test_nothing_is_left_of_a_killed_process() -> None:
    with Stack(webs=2, **SOON) as stack:
        dead = instance_of(stack.webs[0])
        node = stack.node(("en", "pt"), answer=None, ours=True)
        client, plain = stack.client(resumable=True), stack.client()
        client.say()
        node.job()
        client.wait("audio_ack", seq=1)  # from then on its audio is stored
        assert {key.split(":")[2] for key in named(stack, dead)} >= {"instancenodes", "instancesessions"}
        stack.webs[0].kill()
        with stack.node(("en", "pt"), web=1):
            wait_until(lambda: not named(stack, dead), "it to be forgotten")
            assert lost(stack) == 1
            back = stack.client(web=1, resumable=True, resume=place_of(client))
            assert back.texts(1) == ["en 0"]
            wait_until(lambda: leased(stack) == 0, "the slot to be free")
        plain.wait_closed()
        stack.assert_clean_logs()


def test_nothing_is_left_of_a_process_that_was_asked_to_end() -> None:
    with Stack(webs=2, restart_spread_s=0) as stack:
        gone = instance_of(stack.webs[0])
        node, client, plain = (
            stack.node(("en", "pt"), ours=True),
            stack.client(resumable=True),
            stack.client(),
        )
        for speaker in (client, plain):
            speaker.say()
            speaker.result()
        stack.webs[0].terminate()
        assert stack.webs[0].wait() == 0
        assert node.wait_closed()[0] == 1012
        assert not named(stack, gone)
        assert lost(stack) == 0
        stack.assert_clean_logs()


def test_with_no_web_process_left_a_worker_declares_it_dead() -> None:
    with Stack(workers=True, beat=True, **SOON) as stack:
        dead = instance_of(stack.webs[0])
        client = stack.client(resumable=True)
        stack.webs[0].kill()
        client.wait_closed()
        wait_until(lambda: not named(stack, dead), "it to be forgotten")
        stack.assert_clean_logs()


def test_a_ledger_that_stands_still_makes_nobody_dead() -> None:
    """The first process to come back found that nobody else had been heard for long."""
    with Stack(webs=2, **SOON) as stack, stack.node(("en", "pt"), web=1), stack.client() as client:
        wait_until(lambda: get(stack, "cluster")["online_instances"] == 2, "both to be heard")
        server = int(redis_info(stack)["process_id"])
        began_s = time.monotonic()
        os.kill(server, signal.SIGSTOP)
        try:
            wait_until(lambda: time.monotonic() - began_s > 2 * SOON["instance_dead_ms"] / 1000, "the time")
        finally:
            os.kill(server, signal.SIGCONT)
        wait_until(lambda: all(web.get("/ready")[0] == 200 for web in stack.webs), "both to be ready")
        wait_until(lambda: _states(stack) == ["living", "living"], "both to be heard again")
        client.say()
        assert client.texts(1) == ["en 0"]
        assert lost(stack) == 0


def _states(stack: Stack) -> list[str]:
    return [one["state"] for one in get(stack, "cluster")["instances"]]


def redis_info(stack: Stack) -> dict[str, Any]:
    """What the ledger's server says of itself."""
    with stack.redis as ledger:
        return dict(ledger.info("server"))
