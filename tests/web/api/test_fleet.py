"""The reads of the whole fleet, over a real stack."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.stack import Stack, wait_until
from tests.valkey import free_port
from tests.web.api.test_access import ask as ask_guarded
from tests.web.api.test_api import get

Pair = tuple[str, str]


def test_languages_need_no_token(stack: Stack) -> None:
    with Stack(admin_token="secret") as guarded, guarded.node(("en", "pt")):
        assert ask_guarded(guarded, "/api/v1/stats")[0] == 401

        def known() -> dict[str, Any]:
            status, body, _ = ask_guarded(guarded, "/api/v1/languages")
            assert status == 200
            return dict(json.loads(body))

        wait_until(lambda: bool(known()["pairs"]), "the pools to be known")
        assert known()["pairs"] == [{"src": "en", "tgt": "pt"}]
        assert known()["languages"] == ["en", "pt"]
        assert known()["services"]["tts"] == ["pt"]


def test_the_numbers_follow_nodes_sessions_and_jobs() -> None:
    with Stack(webs=2) as own:
        first = get(own, "stats")
        assert (first["nodes"]["online"], first["slots"], first["sessions"]) == (
            0,
            {"total": 0, "used": 0},
            0,
        )
        with own.node(("en", "pt"), slots=2, answer=None) as node, own.client("en", "pt", web=1) as client:
            client.say()
            node.job()
            busy = get(own, "stats")
            assert busy["nodes"]["by_status"]["ready"] == busy["nodes"]["ready"] == 1
            assert busy["slots"] == {"total": 2, "used": 1}
            wait_until(lambda: get(own, "stats")["sessions"] == 1, "the other process to tell of its session")
            told = get(own, "stats")
            assert told["web_clients"]["language_usage"]["pt"] == {"as_source": 0, "as_target": 1}
            assert {"language": "en", "count": 1} in told["web_clients"]["top_languages"]
            wait_until(lambda: get(own, "stats")["nodes"]["type_in_use_counts"].get("asr") == 1, "its use")
            node.answer_with = lambda job: {"success": True, "text_asr": "x", "text_translated": "y"}
            node.answer(node.job())
            client.result(1)
            done = get(own, "stats", web=1)
            assert (done["jobs"]["reserved"], done["jobs"]["done"], done["jobs"]["failed"]) == (1, 1, 0)
            assert done["slots"]["used"] == 0
            wait_until(lambda: get(own, "stats")["rates"].get("done", 0) > 0, "the rate")
            assert get(own, "stats")["latency_ms"]["job"]["count"] == 1
        wait_until(lambda: get(own, "stats")["nodes"]["online"] == 0, "the node to leave")
        assert get(own, "stats")["slots"] == {"total": 0, "used": 0}


def test_refused_utterances_are_counted(pair: Pair) -> None:
    with Stack() as own, own.client(*pair) as client:
        client.say()
        client.wait("error")
        wait_until(lambda: get(own, "stats")["jobs"]["refused"] == 1, "it to be counted")
        assert get(own, "metrics")["process"]["refused"] == {"NO_AVAILABLE_NODE": 1}


def test_the_cluster_shows_processes_and_pages_of_nodes() -> None:
    with Stack(webs=2) as own, own.node(("en", "pt")) as one, own.node(("en", "de"), web=1) as two:
        wait_until(lambda: get(own, "cluster")["online_instances"] == 2, "both to be heard")
        wait_until(
            lambda: [item["nodes_owned"] for item in get(own, "cluster")["instances"]] == [1, 1],
            "each to tell of its node",
        )
        found = get(own, "cluster?limit=1")
        assert (found["total_nodes"], found["ready_nodes"]) == (2, 2)
        rest = get(own, f"cluster?limit=1&cursor={found['next_cursor']}")
        shown = found["nodes"] + rest["nodes"]
        assert {item["node"]["node_id"] for item in shown} == {one.node_id, two.node_id}
        assert all(item["cpu_usage"] is not None and item["cpu_power"] > 0 for item in shown)
        assert {"service_type": "asr", "ready": True} in shown[0]["capabilities"]


def test_the_counters_say_what_was_done(stack: Stack, pair: Pair) -> None:
    with stack.node(pair), stack.client(*pair) as client:
        before = get(stack, "metrics")["cell"]["jobs"]["done"]
        client.say()
        client.result(1)
        found = get(stack, "metrics")
        assert found["cell"]["jobs"]["done"] > before
        assert sum(found["cell"]["job_latency_classes_ms"].values()) == found["cell"]["jobs"]["done"]
        assert found["service_catalog"]["fail_count"] == 0


def _growth(before: Any, after: Any) -> dict[str, int]:
    """Give by how much counters have grown, those that have not left out."""
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: count for name, count in grown.items() if count}


def test_what_nodes_measure_is_counted_by_its_growth(stack: Stack, pair: Pair) -> None:
    """The earlier server added their totals anew with every heartbeat, and so counted far too many."""
    totals = ("totalReruns", "successfulReruns", "failedReruns", "timeoutReruns", "qualityImprovements")

    def reruns(*counts: int) -> dict[str, int]:
        return dict(zip(totals, counts, strict=True))

    def beat(*counts: int) -> None:
        measured = {"serviceEfficiencies": {f"asr-{pair[0]}": 4.0}}
        node.heartbeat(rerun_metrics=reruns(*counts), processing_metrics=measured)

    with stack.node(pair) as node, stack.client(*pair) as client:
        before = get(stack, "metrics")["process"]["reruns"]
        for counts in ((90, 80, 7, 3, 50), (92, 81, 8, 3, 50), (92, 81, 8, 3, 50), (5, 1, 4, 0, 0)):
            beat(*counts)
        client.say()
        client.result()  # everything before it was dealt with

        def told() -> dict[str, Any]:
            return dict(get(stack, "metrics")["process"])

        wait_until(lambda: "timeout_reruns" in told()["reruns"], "the heartbeats")
        grown = _growth(before, told()["reruns"])
        assert grown == {"total_reruns": 7, "successful_reruns": 2, "failed_reruns": 5}, (
            "it began anew at last"
        )
        assert told()["service_efficiencies"][f"asr-{pair[0]}"] == 4.0
    assert f"asr-{pair[0]}" not in get(stack, "metrics")["process"]["service_efficiencies"]


def test_what_nodes_say_of_their_results_is_counted(stack: Stack, pair: Pair) -> None:
    says: list[dict[str, Any]] = [
        {"asr_quality_level": "good", "extra": {"language_probability": 0.95}},
        {"asr_quality_level": "bad", "rerun_count": 2, "extra": {"language_probability": 0.3}},
        {"asr_quality_level": "splendid", "extra": {"language_probability": 1.7e308}},
    ]
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        before = get(stack, "metrics")["process"]
        for nth, said in enumerate(says, start=1):
            client.say()
            node.answer(node.job(nth), **said)
            client.result(nth)
        after = get(stack, "metrics")["process"]
        assert _growth(before["quality"], after["quality"]) == {"good": 1, "bad": 1, "other": 1, "rerun": 1}
        classes = zip(before["language_probability"], after["language_probability"], strict=True)
        assert [new - old for old, new in classes] == [0, 1, 0, 0, 2]
        assert _growth(before["cuts"], after["cuts"]) == {"manual": 3}


class Hub(http.server.BaseHTTPRequestHandler):
    """A model hub with one service."""

    def do_GET(self) -> None:
        artifact = {"type": "zip", "url": "http://hub/a.zip", "sha256": "00", "size_bytes": 1}
        variants = [{"version": "1.2", "platform": "linux-x64", "artifact": artifact}]
        service = {"service_id": "asr-a", "name": "A", "latest_version": "1.2", "variants": variants}
        body = json.dumps([service] if self.path == "/api/services" else {}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def test_18_no_metric_is_named_by_a_job_or_a_node(stack: Stack, pair: Pair) -> None:
    """Series by job and node id grew without end, and so did those by words that nodes choose."""
    with stack.node(pair) as node, stack.client(*pair) as client:
        efficient = {f"{pair[0]}-service-{number}" + "x" * 999: 1.0 for number in range(100)}
        node.heartbeat(processing_metrics={"serviceEfficiencies": efficient})
        for nth in range(1, 4):
            node.answer_with = lambda _, nth=nth: {
                "success": True,
                "text_asr": "a",
                "asr_quality_level": f"q{nth}",
            }
            client.say()
            client.result(nth)
        metrics = get(stack, "metrics")
        words = json.dumps(metrics)
        for name in (node.node_id, client.session_id, *(job["job_id"] for job in node.jobs)):
            assert name not in words
        process = metrics["process"]
        assert set(process["quality"]) <= {"good", "suspect", "bad", "other", "rerun"}
        assert len(process["service_efficiencies"]) <= 20
        assert all(len(service) <= 64 for service in process["service_efficiencies"])


@contextmanager
def model_hub() -> Iterator[str]:
    """Run a model hub; gives its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{hub.server_port}/"
        hub.shutdown()


def test_the_services_of_the_model_hub_are_shown() -> None:
    with model_hub() as url, Stack(model_hub_url=url) as own:
        wait_until(lambda: get(own, "stats")["total_services"] == 1, "the catalogue")
        assert get(own, "stats")["available_services"][0]["service_id"] == "asr-a"


@pytest.mark.parametrize("path", ["", "/wrong"])
def test_a_silent_model_hub_changes_nothing_else(path: str) -> None:
    with Stack(model_hub_url=f"http://127.0.0.1:{free_port()}{path}") as own:
        wait_until(lambda: get(own, "metrics")["service_catalog"]["fail_count"] > 0, "it to be tried")
        assert get(own, "metrics")["service_catalog"]["last_error"]
        assert get(own, "stats")["available_services"] == []
