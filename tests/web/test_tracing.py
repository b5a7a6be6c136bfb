"""One utterance is one trace through client, web process, Redis, node and worker; off, it costs nothing."""

import re
import subprocess
import sys

import pytest

from tests.otlp import collector
from tests.stack import ROOT, Stack, wait_until

pytest.importorskip("opentelemetry.sdk")

_SPANS = {
    "open session", "place utterance", "script reserve", "send to node", "translate", "take result",
    "script complete", "format result", "send to client",
}  # fmt: skip
_SERVICES = {f"speech-dispatch-{name}" for name in ("client", "web", "node", "worker")}


def test_an_utterance_is_one_trace_through_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as taken:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", taken.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with Stack(webs=2, workers=True, fallback_ms=10000, resource_threshold=100) as own:
            url = own.webs[0].url("/ws/node")
            node = own.start("node", ["web.command", "node", "--pipeline", "echo", "--url", url])
            node.wait_log("sees this node as ready")
            said = own.start(
                "say",
                [
                    "web.command", "say", str(ROOT / "tests/data/austen-0880.wav"), "--from", "en",
                    "--to", "pt", "--fast", "--url", own.webs[1].url("/ws/session"),
                ],
            )  # fmt: skip
            assert said.wait() == 0, said.log
            wait_until(lambda: {span.name for span in taken.spans} >= _SPANS, "all spans to come")
            (root,) = taken.named("open session")
            wait_until(lambda: {span.service for span in taken.spans} == _SERVICES, "all processes to tell")
            spans = taken.spans
            assert {span.trace_id for span in spans} == {root.trace_id}
            known = {span.span_id for span in spans}
            assert all(span.parent_id in known for span in spans if span is not root)
            (placed,) = {span.span_id for span in taken.named("place utterance")} & {
                span.parent_id for span in taken.named("translate")
            }
            assert placed in {span.parent_id for span in taken.named("format result")}
            for span in spans:
                _assert_says_no_words(span.attributes)


def _assert_says_no_words(attributes: dict[str, object]) -> None:
    """Only what is known to be an id, a code or a number is said of a span."""
    for name, value in attributes.items():
        assert name.startswith("speech_dispatch.") or name == "error.type"
        assert re.fullmatch(r"[\w.:@~-]{0,128}", str(value)), f"{name}={value}"


@pytest.mark.parametrize("module", ["web.serve", "tasks.app", "tasks.heard", "agent.node", "agent.say"])
def test_off_nothing_of_it_is_imported(module: str) -> None:
    look = (
        f"import {module}, sys; from scheduling import tracing; tracing.start('x'); "
        # redis-py itself imports parts of OpenTelemetry where that is installed.
        "assert not tracing.on; assert 'opentelemetry.exporter' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        cwd=ROOT,
        env={"REDIS_URL": "redis://x", "PATH": ""},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_job_without_tracing_carries_no_traceparent() -> None:
    with Stack() as own, own.node(("en", "pt")) as node, own.client("en", "pt") as client:
        client.say()
        assert "traceparent" not in node.job()
