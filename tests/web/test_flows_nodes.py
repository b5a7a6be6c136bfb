"""Nodes come, live and go: registration, heartbeat, offline. Numbers are those of the list of failings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scheduling.messages import NodeRegisterAck, NodeStatusMessage, parse_server_message_to_node
from tests.peers import Peer
from tests.stack import Stack, wait_until

FRAMES = Path(__file__).parents[1] / "data" / "frames" / "node-agent.jsonl"
Pair = tuple[str, str]


@pytest.fixture(scope="module")
def hasty() -> Iterator[Stack]:
    """Give a system that calls a node silent or offline soon."""
    with Stack(silence_ms=1000, grace_ms=300, wait_ms=800, unhealthy_beats=2) as stack:
        yield stack
        stack.assert_clean_logs()


def test_existing_agent_registers_and_works(stack: Stack) -> None:
    """Its very frames, with the null id of its first time, and only the ids it is given put in."""
    frames = [json.loads(line) for line in FRAMES.read_text().splitlines()]
    register, beat, partial, result = frames
    with Peer(stack.webs[0].url("/ws/node")) as agent:
        agent.send_raw(json.dumps(register))
        given = agent.wait("node_register_ack")
        assert isinstance(parse_server_message_to_node(json.dumps(given)), NodeRegisterAck)
        assert given["status"] == "registering"
        assert given["node_id"].startswith("node-")
        agent.send_raw(json.dumps(beat | {"node_id": given["node_id"]}))
        status = agent.wait("node_status")
        assert isinstance(parse_server_message_to_node(json.dumps(status)), NodeStatusMessage)
        assert status["status"] == "ready"
        assert status["timestamp"] < 10**11, "seconds, not milliseconds"
        stack.wait_dispatchable(given["node_id"])
        with stack.client("zh", "en") as client:
            client.say()
            job = agent.wait("job_assign")
            assert "audio_format" in job
            names = ("job_id", "session_id", "utterance_index", "trace_id")
            about = {name: job[name] for name in names} | {"node_id": given["node_id"]}
            agent.send_raw(json.dumps(partial | about))
            agent.send_raw(json.dumps(result | about))
            heard = client.wait("asr_partial")
            assert (heard["text"], heard["job_id"]) == (partial["text"], "")
            translated = client.result()
            assert translated["text_asr"] == result["text_asr"]
            assert (translated["tts_audio"], translated["tts_format"]) == ("AAAA", "opus")
        assert not agent.all("error")


def test_agent_reconnecting_keeps_the_id_it_was_given(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as first:
        node_id = first.node_id
    with stack.node(pair, node_id=node_id) as second:
        assert second.node_id == node_id


def test_registering_again_on_the_same_socket_keeps_the_node(stack: Stack, pair: Pair) -> None:
    """Also with a null id: a second node on the same socket would never be seen to leave."""
    with stack.node(pair) as node:
        before = stack.webs[0].stats()["nodes"]
        node.register()
        assert node.wait("node_register_ack", nth=2)["node_id"] == node.node_id
        node.heartbeat()
        node.wait("node_status", nth=2, status="ready")
        stack.wait_dispatchable(node.node_id)
        assert stack.webs[0].stats()["nodes"] == before
        with stack.client(*pair) as client:
            client.say()
            client.result()
    wait_until(lambda: stack.record_of(node.node_id)["status"] == "offline", "the node to be offline")


@pytest.mark.parametrize("web", [0, 1], ids=["on the same instance", "on another instance"])
@pytest.mark.parametrize("end", ["server closes", "network lost"])
def test_8_takeover_closes_the_old_socket_whose_late_close_harms_nothing(
    stack: Stack, pair: Pair, web: int, end: str
) -> None:
    with stack.node(pair) as old, stack.node(pair, web=web, node_id=old.node_id) as new:
        if end == "server closes":
            assert old.wait_closed()[0] == 4001
        else:
            old.cut()
        with stack.client(*pair) as client:
            client.say()
            assert client.texts(1) == [f"{pair[0]} 0"]
        assert len(new.jobs) == 1
        assert not old.jobs
        assert stack.record_of(new.node_id)["status"] == "ready"


def test_8_offline_node_comes_back_by_heartbeat(hasty: Stack) -> None:
    pair = ("back", "again")
    with hasty.node(pair) as node:
        wait_until(lambda: hasty.record_of(node.node_id)["status"] == "offline", "silence to be noticed")
        with hasty.client(*pair) as client:
            client.say()
            node.heartbeat()
            node.wait("node_status", nth=2, status="ready")
            assert client.texts(1) == ["back 0"], "it waited for the node, whose pool was there a moment ago"


def test_heartbeat_moves_a_node_between_ready_and_degraded_and_tells_it(hasty: Stack) -> None:
    with hasty.node(("up", "down")) as node:
        nothing = node.capabilities(without=("asr", "nmt", "tts", "semantic"))
        node.heartbeat(**nothing)
        node.heartbeat(**nothing)
        assert node.wait("node_status", status="degraded")["reason"]
        node.heartbeat()
        node.wait("node_status", nth=2, status="ready")
        hasty.wait_dispatchable(node.node_id)


def test_draining_node_finishes_and_gets_no_new_work(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as leaving, stack.client(*pair) as client:
        client.say()
        job = leaving.job()
        leaving.send("node_drain", node_id=leaving.node_id, reason="an update")
        assert leaving.wait("node_status", status="draining")["reason"] == "an update"
        with stack.node(pair) as staying:
            client.say()
            staying.job()
            leaving.answer(job)
            assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]
        assert len(leaving.jobs) == 1


def test_overloaded_node_gets_no_work_until_it_recovers(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        node.heartbeat(cpu_percent=99)
        wait_until(
            lambda: stack.record_of(node.node_id)["why"] == "resource_threshold_exceeded", "it to be noticed"
        )
        client.say()
        node.heartbeat(cpu_percent=10)
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_languages_that_change_by_heartbeat_count_at_once(hasty: Stack) -> None:
    with hasty.node(("old", "words")) as node:
        node.heartbeat(**node.capabilities(("new", "words")))
        with hasty.client("old", "words") as former, hasty.client("new", "words") as latter:
            former.say()
            assert former.wait("error")["code"] == "NO_AVAILABLE_NODE"
            hasty.wait_dispatchable(node.node_id)
            latter.say()
            assert latter.texts(1) == ["new 0"]


def test_private_node_serves_nobody_else(stack: Stack, pair: Pair) -> None:
    """Also not those who claim its tenant: only a credential can name one."""
    with stack.node(pair, public=False) as node:
        for tenant in (None, "", "acme"):
            with stack.client(*pair, tenant_id=tenant) as client:
                client.say()
                assert client.wait("error")["code"] in ("NO_AVAILABLE_NODE", "UNSUPPORTED_FEATURE")
        assert not node.jobs


def test_9_a_pool_is_no_exact_language_set(stack: Stack) -> None:
    """A node for de, en and zh serves zh to en, which the same server once could not see."""
    languages = ("q-de", "q-en", "q-zh")
    pairs = [(src, tgt) for src in languages for tgt in languages if src != tgt]
    with stack.node(*pairs), stack.client("q-zh", "q-en") as client:
        client.say()
        assert client.texts(1) == ["q-zh 0"]


def test_10_auto_source_language_finds_a_node(stack: Stack, pair: Pair) -> None:
    with stack.node(pair), stack.client("auto", pair[1]) as client:
        client.say()
        assert client.texts(1) == ["auto 0"]


def test_10_auto_between_two_languages(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    both: dict[str, Any] = {"mode": "two_way_auto", "lang_a": src, "lang_b": tgt, "auto_langs": [src, tgt]}
    with stack.node(pair, (tgt, src)) as node, stack.client("auto", tgt, **both) as client:
        client.say()
        client.result()
        job = node.job()
        assert {name: job[name] for name in both} == both


def test_16_reported_running_jobs_never_overwrite_leases(stack: Stack, pair: Pair) -> None:
    """A node that says it runs nothing still has its two leased slots taken; both jobs end as they should."""
    with stack.node(pair, slots=2, answer=None) as node, stack.client(*pair) as client:
        client.say()
        client.say()
        node.job(2)
        node.heartbeat(running_jobs=0)
        client.say()
        client.wait("ui_event", nth=2, event="DISPATCHED")
        wait_until(lambda: stack.record_of(node.node_id)["why"] == "capacity_exceeded", "both slots taken")
        assert len(node.jobs) == 2
        for job in node.jobs:
            node.answer(job)
        node.answer(node.job(3))
        assert client.texts(3) == [f"{pair[0]} {index}" for index in range(3)]


def test_16_what_a_node_runs_beyond_its_leases_is_held_back(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=2) as node, stack.client(*pair) as client:
        node.heartbeat(running_jobs=2)
        wait_until(lambda: stack.record_of(node.node_id)["why"] == "capacity_exceeded", "it to be noticed")
        client.say()
        node.heartbeat(running_jobs=0)
        assert client.texts(1) == [f"{pair[0]} 0"]


def test_any_frame_is_a_sign_of_life() -> None:
    """A node that answers pings is not offline, however late its heartbeats are."""
    settings: dict[str, Any] = {"silence_ms": 1000, "grace_ms": 300, "ping_s": 0.2}
    with Stack(**settings) as stack, stack.node(("alive", "well"), heartbeat_interval_s=0.3) as node:
        registered_ms = int(stack.record_of(node.node_id)["seen_ms"])
        wait_until(lambda: int(stack.record_of(node.node_id)["seen_ms"]) > registered_ms + 1500, "life")
        assert stack.record_of(node.node_id)["status"] == "ready"
