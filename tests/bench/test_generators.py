"""The load generators against real servers: a handful of utterances, heartbeats, sessions."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.generators import generator, nodes, speak, told
from bench.peers.start import measure
from bench.systems import Bare, Ours, Relay
from bench.usage import cpu_s, rss_bytes
from tests.stack import Stack

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Stack() as stack:
        yield stack.webs[0].port
        stack.assert_clean_logs()


@pytest.mark.parametrize(("audio_bytes", "rate"), [(400, 0), (20_480, 0), (400, 40)])
def test_utterances_come_back_translated(port: int, audio_bytes: int, rate: int) -> None:
    with generator("nodes", ports=[port], nodes=2) as made:
        made.wait(b"up")
        options = {"clients": 3, "seconds": 0.5, "warm_s": 0.2, "audio_bytes": audio_bytes, "rate": rate}
        with generator("clients", ports=[port], **options) as clients:
            clients.wait(b"begin")
            made.begin()
            report = clients.report()
        served = told(made)
    assert report["errors"] == report["lost"] == 0, report
    assert report["utterances"] == report["count"] > 0
    assert report["per_s"] == pytest.approx(report["utterances"] / report["seconds"], rel=0.01)
    assert served["assign"]["count"] > 0 and served["assign"]["p50_ms"] > 0


def test_the_next_job_of_a_freed_slot_is_timed(port: int) -> None:
    with generator("nodes", ports=[port], nodes=1, first=10, slots=1, service_ms=5) as made:
        made.wait(b"up")
        with generator("clients", ports=[port], clients=4, seconds=0.5, warm_s=0.2) as clients:
            clients.wait(b"begin")
            assert clients.report()["errors"] == 0
        served = told(made)
    assert served["next_job"]["count"] > 0


def test_each_heartbeat_is_waited_for(port: int) -> None:
    """A flood of heartbeats once measured nothing: a flask-sock reader that finds bytes never pauses."""
    with generator("beats", port=port, answer="pong", nodes=3, warm_s=0.1, seconds=0.5) as beats:
        beats.wait(b"begin")
        report = beats.report()
    assert report["lost"] == 0 and report["heartbeats"] > 0


def test_idle_sessions_are_opened_and_stay(port: int) -> None:
    with generator("idle", port=port, sessions=20, at_once=4) as idle:
        idle.wait(b"begin")
        report = idle.report()
        assert idle.process.poll() is None
    assert report["per_s"] > 0 and report["lost"] == 0


def test_who_is_asked_to_come_back_does() -> None:
    """The server lets in only so many sockets at once; a generator that knew no 503 measured nothing."""
    with (
        Stack(handshakes_per_s=20, handshake_burst=4) as stack,
        generator("idle", port=stack.webs[0].port, sessions=8, at_once=8) as idle,
    ):
        idle.wait(b"begin")
        assert idle.report()["lost"] == 0
        assert stack.webs[0].stats()["sessions"] == 8


def test_speakers_go_on_from_step_to_step_until_it_is_too_much(port: int) -> None:
    with generator("nodes", ports=[port], nodes=1, first=20, service_ms=50) as made:
        made.wait(b"up")
        options = {"steps": [3, 4, 5], "seconds": 6, "ramp_s": 0.1, "service_ms": 50}
        with generator("speakers", port=port, bound_ms=-10_000, **options) as speakers:
            (only,) = speakers.reports()
        with generator("speakers", port=port, bound_ms=60_000, **options) as speakers:
            steps = list(speakers.reports())
    assert only["count"] > 0 and not only["in_time"]
    assert [step["sessions"] for step in steps] == [3, 4, 5]
    assert all(step["in_time"] and step["errors"] == 0 for step in steps), steps


def test_a_failed_utterance_ends_the_measurement(tmp_path: Path) -> None:
    with ExitStack() as stack:
        ours = Ours(stack, tmp_path / "ours", ATTEMPT_MS="1000", MAX_ATTEMPTS="1")
        with nodes(ours, nodes=1) as ready:
            assert speak(ours, ready, clients=1, seconds=0.5, warm_s=0.1)["errors"] == 0
            told(ready)
        with nodes(ours, nodes=1, service_ms=10**6) as stuck, pytest.raises(SystemExit):
            speak(ours, stuck, clients=1, seconds=1, warm_s=0.1, patience_s=3)


@pytest.mark.parametrize("kind", [Ours, Bare, Relay])
def test_every_system_carries_utterances(kind: type[Ours | Bare | Relay], tmp_path: Path) -> None:
    with ExitStack() as stack:
        system = kind(stack, tmp_path / "system")
        with nodes(system, nodes=2) as made:
            report = speak(system, made, clients=4, seconds=0.5, warm_s=0.2)
            told(made)
        assert report["utterances"] > 0 and sum(report["cpu_s"].values()) > 0
        assert system.describe()["appendfsync"] == "everysec"
    assert not (tmp_path / "system").exists()


def test_the_use_of_a_process_is_that_of_its_children_too() -> None:
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))']); input()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE) as process:
        before_s = cpu_s(process.pid)
        while cpu_s(process.pid) < before_s + 0.05:
            assert process.poll() is None
        assert rss_bytes(process.pid) > 10**6
        process.communicate(b"\n")
    assert cpu_s(process.pid) == rss_bytes(process.pid) == 0


@pytest.mark.parametrize("peer", ["celery_threads", "dramatiq", "taskiq"])
def test_a_peer_gives_round_trips(peer: str, tmp_path: Path) -> None:
    report = measure(peer, tmp_path / peer, seconds=0.5, warm_s=0.1, single_s=0.3)
    assert report["per_s"] > 0 and report["single"]["count"] > 0


def test_the_command_prints_every_row_and_writes_the_results(tmp_path: Path) -> None:
    output = tmp_path / "results" / "latest.json"
    words = ["--quick", "--only", "idle", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert "not measured" in done.stdout and "accepts per second" in done.stdout
    report = json.loads(output.read_text())
    by_name = {row["name"]: row for row in report["rows"]}
    assert by_name["accepts_per_s"]["value"] > 0
    assert by_name["roundtrip_vs_celery"]["verdict"] == "not measured"
    assert report["ratios"] == {} and report["plan_name"] == "quick"
    assert report["persistence"]["appendfsync"] == "everysec"
    assert report["cores"] > 0 and report["versions"]["celery"]
