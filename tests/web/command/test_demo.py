"""The demo's own judgement: what it takes for a success."""

import json
from pathlib import Path

import pytest

from tests.web.command.running import Running, pids_with, wait_gone
from web.command.demo import _fresh, _require_clean, _result
from web.command.errors import DemoFailed
from web.command.ports import free_port, free_ports

GOOD = {
    "text_asr": "and so",
    "text_translated": "e assim",
    "tts_seconds": 9.5,
    "e2e_after_speech_ms": 900,
    "jobs": 2,
}


def log_of(folder: Path, *lines: str) -> Path:
    log = folder / "say.log"
    log.write_text("\n".join(lines) + "\n")
    return log


def test_the_client_s_last_line_is_the_result(tmp_path: Path) -> None:
    assert _result(log_of(tmp_path, "some text", json.dumps(GOOD))) == GOOD


@pytest.mark.parametrize("name", ["text_asr", "text_translated", "tts_seconds", "jobs"])
def test_a_result_without_speech_or_text_is_a_failure(tmp_path: Path, name: str) -> None:
    with pytest.raises(DemoFailed, match=name):
        _result(log_of(tmp_path, json.dumps(GOOD | {name: 0})))


@pytest.mark.parametrize("lines", [("no JSON",), ('["JSON"]',), ()])
def test_a_last_line_that_is_no_summary_is_shown(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(DemoFailed, match="last line"):
        _result(log_of(tmp_path, *lines))


def test_an_error_in_any_log_is_a_failure_that_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("fine\n")
    _require_clean(tmp_path)
    (tmp_path / "beat.log").write_text("fine\n[ERROR] not fine\n")
    with pytest.raises(DemoFailed, match=r"beat\.log:2: \[ERROR\] not fine"):
        _require_clean(tmp_path)


def test_the_demo_translates_a_recording_over_two_web_processes(tmp_path: Path) -> None:
    """The whole promise: real speech in, real speech out, no error in any log, no process left."""
    port = free_ports(2)
    arguments = ("demo", "--port", str(port), "--flower-port", str(free_port()))
    with Running("web.command", *arguments, env={"DATA_DIR": str(tmp_path)}) as demo:
        assert demo.finish() == 0, "\n".join(demo.lines)
    said = json.loads(demo.lines[-1])
    assert list(said) == [*GOOD, "web_processes"]
    assert "fellow Americans, ask not what your country can do for you" in said["text_asr"]
    assert "americanos" in said["text_translated"]
    assert said["tts_seconds"] > 5
    assert (said["jobs"], said["web_processes"]) == (2, 2)
    assert (tmp_path / "demo" / "jfk.pt.wav").stat().st_size > 100_000
    assert wait_gone(pids_with("DATA_DIR", str(tmp_path))) == []


def test_each_demo_starts_from_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "demo"
    (_fresh(folder) / "left").touch()
    assert list(_fresh(folder).iterdir()) == []
