"""The model cache: whole or not there, also when two processes start at once."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.pipelines.base import PipelineUnavailable
from agent.pipelines.speech import models

BUILD = "from agent.pipelines.speech.models import whisper_base; print(whisper_base())"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("models")
    yield directory
    shutil.rmtree(directory)  # pytest would keep 145 MB of the last three runs


@pytest.fixture
def cache(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEECH_DISPATCH_CACHE", str(shared))
    return shared


def digest(model: Path) -> str:
    return hashlib.sha256((model / "model.bin").read_bytes()).hexdigest()


def test_two_processes_that_start_at_once_build_one_whole_model(cache: Path) -> None:
    starts = [
        subprocess.Popen([sys.executable, "-c", BUILD], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    (first, _), (second, _) = [start.communicate(timeout=60) for start in starts]
    assert first == second
    assert digest(Path(first.strip())) == models.SHA256
    assert sorted(each.suffix for each in cache.iterdir()) == ["", ".lock"]


def test_a_damaged_model_is_built_anew(cache: Path) -> None:
    weights = models.whisper_base() / "model.bin"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"rot")
    assert digest(models.whisper_base()) == models.SHA256
    (models.whisper_base() / "tokenizer.json").unlink()
    assert (models.whisper_base() / "tokenizer.json").is_file()


def test_what_a_killed_process_left_behind_is_swept_away(cache: Path) -> None:
    ready = models.whisper_base()
    half = ready.with_suffix(".making")
    half.mkdir()
    (half / "model.bin").write_bytes(b"half a model")
    (ready / "config.json").unlink()
    assert models.whisper_base() == ready
    assert not half.exists()


def test_packages_that_hold_something_else_are_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "SHA256", "0" * 64)
    with pytest.raises(PipelineUnavailable, match="force-reinstall"):
        models.whisper_base()
    assert not list(cache.glob("*000*"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SPEECH_DISPATCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(PipelineUnavailable, match="SPEECH_DISPATCH_CACHE"):
        models.whisper_base()


def test_the_cache_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPEECH_DISPATCH_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.cache_root() == tmp_path / ".cache" / "speech-dispatch"
