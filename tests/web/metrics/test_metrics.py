"""``/metrics`` of real processes."""

import http.client
import re
import urllib.error
import urllib.request

import pytest

from scheduling.metrics import DEFINITIONS
from tests.stack import Stack, wait_until
from tests.valkey import Valkey
from tests.web.metrics.scrape import instances, samples, text, total

Pair = tuple[str, str]

#: Series that are there once something has happened which the test below does not make happen.
_RARE = {"model_missing_nodes", "reruns_total"}
_SPEECH = {"success": True, "text_asr": "x", "text_translated": "y", "tts_audio": "AAAA"}


def test_an_utterance_is_seen_in_every_flow(stack: Stack, pair: Pair) -> None:
    before = samples(stack.webs[0])
    with stack.node(pair) as node, stack.client(*pair) as client:
        node.answer_with = lambda job: {**_SPEECH, "asr_quality_level": "good"}
        client.say()
        client.result(1)
        found = samples(stack.webs[0])
    for flow in ("register", "heartbeat", "create", "dispatch", "complete"):
        counted = [total(each, "flow_seconds_count", flow=flow) for each in (before, found)]
        assert counted[0] < counted[1], flow
    for name in ("first_audio_seconds_count", "queue_wait_seconds_count", "job_seconds_count"):
        assert total(found, name) - total(before, name) >= 1, name
    for script in ("reserve", "complete", "heartbeat"):
        assert total(found, "script_seconds_count", script=script) > 0
    assert total(found, "jobs_total", event="done") - total(before, "jobs_total", event="done") == 1


def test_any_process_answers_for_all(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, web=1):
        here = {web.stats()["instance"] for web in stack.webs}

        def both() -> bool:
            return here <= instances(samples(stack.webs[0]), "sockets")

        wait_until(both, "the other process to tell what it counts")
        for web in stack.webs:
            found = samples(web)
            for name, one in DEFINITIONS.items():
                if one.scope == "web" and one.kind == "gauge" and not one.labels:
                    assert here <= instances(found, name), name
        wait_until(lambda: total(samples(stack.webs[0]), "nodes_connected") >= 1, "the node to be told of")


def test_processes_behind_one_port_are_all_seen_at_any_scrape() -> None:
    """A scrape meets any of them: what one alone knew would come and go."""
    with Stack(web_concurrency=3) as own:
        wait_until(lambda: len(instances(samples(own.webs[0]), "sockets")) == 3, "all three to be seen")
        seen = [instances(samples(own.webs[0]), "sockets") for _ in range(20)]
        assert all(one == seen[0] for one in seen)
        starts = {value for _, value in samples(own.webs[0])["speech_dispatch_start_time_seconds"]}
        assert len(starts) == 3


def test_every_series_of_the_table_is_there_and_no_other() -> None:
    with (
        Stack(workers=True, beat=True) as own,
        own.node(("en", "pt")) as node,
        own.client("en", "pt") as client,
    ):
        node.answer_with = lambda job: {**_SPEECH, "asr_quality_level": "good"}
        node.heartbeat(processing_metrics={"serviceEfficiencies": {"asr-x": 4.0}})
        client.say()
        client.result(1)
        with own.client("en", "xx") as lost:
            lost.say()
            lost.wait("error")

        def names() -> set[str]:
            found = samples(own.webs[0])
            return {
                re.sub(r"_(bucket|sum|count)$", "", name)
                if name.endswith(("bucket", "sum", "count"))
                else name
                for name in found
            }

        wanted = {one.full_name for name, one in DEFINITIONS.items() if name not in _RARE}
        try:
            wait_until(lambda: wanted <= names(), "all series to be there")
        finally:
            assert not wanted - names()
        assert names() <= {one.full_name for one in DEFINITIONS.values()}
        found = samples(own.webs[0])
        assert total(found, "refused_total", code="UNSUPPORTED_FEATURE") == 1
        assert total(found, "workers") == 2
        assert total(found, "task_age_seconds_count", task="settle") > 0
        assert total(found, "task_seconds_count", task="settle") > 0


def test_without_the_ledger_a_process_still_answers_for_itself(own_valkey: Valkey) -> None:
    with Stack(valkey=own_valkey, store_timeout_s=0.5) as own:
        assert total(samples(own.webs[0]), "ledger_up") == 1
        own_valkey.kill()
        wait_until(lambda: total(samples(own.webs[0]), "redis_up") == 0, "a sweep to fail")
        found = samples(own.webs[0])
        assert total(found, "ledger_up") == 0
        assert instances(found, "sockets") == {own.webs[0].stats()["instance"]}
        assert "speech_dispatch_nodes" not in found
        own_valkey.start()
        wait_until(lambda: total(samples(own.webs[0]), "ledger_up") == 1, "the ledger to be back")


def test_it_wants_the_operators_token() -> None:
    with Stack(admin_token="secret") as own:
        with pytest.raises(urllib.error.HTTPError) as refused:
            text(own.webs[0])
        assert refused.value.code == 401
        refused.value.close()
        assert "speech_dispatch_ledger_up" in text(own.webs[0], Authorization="Bearer secret")


def test_openmetrics_is_given_to_who_asks_for_it(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.webs[0].port, timeout=10)
    try:
        connection.request(
            "GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
        reply = connection.getresponse()
        assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
        assert reply.read().endswith(b"# EOF\n")
    finally:
        connection.close()


def test_what_peers_say_makes_no_label(stack: Stack, pair: Pair) -> None:
    """Failing 18: series named by jobs and nodes grew without bound."""
    with stack.node(pair) as node, stack.client(*pair) as client:
        node.answer_with = lambda job: dict(_SPEECH)
        client.say()
        job_id = client.result(1)["job_id"]
        said = text(stack.webs[0])
        for word in (job_id, node.node_id, client.session_id, *pair):
            assert f'"{word}"' not in said


def test_without_the_server_of_bodies_the_ledger_is_told_of(own_valkey: Valkey) -> None:
    """Bodies may have a server of their own. While it was away, a scrape said that the ledger was."""
    with Stack(payload_url=own_valkey.url, store_timeout_s=0.2) as own, own.node(("en", "pt")):
        assert "speech_dispatch_body_bytes" in samples(own.webs[0])
        own_valkey.kill()
        found = samples(own.webs[0])
        assert total(found, "ledger_up") == 1
        assert total(found, "nodes", status="ready") == 1
        assert "speech_dispatch_body_bytes" not in found
