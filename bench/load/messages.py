"""What nodes and clients of a measurement say, made once as bytes."""

import base64
import json
import os
import random
import time
from typing import Any

from bench.load.frames import masked, number_of, text_of

#: Room for a time stamp at the start of an utterance's audio: 16 digits are also 12 bytes in base64.
STAMP = 16
_KINDS = ("asr", "nmt", "tts")


def audio(size: int) -> bytes:
    """Give base64 of `size` bytes of noise (rounded down to whole samples), with room for a stamp."""
    return base64.b64encode(os.urandom(max(12, size) // 6 * 6))


def stamp() -> bytes:
    """Give the time of this machine, µs, as the first characters of an audio."""
    return b"%016d" % (time.monotonic_ns() // 1000)


def stamp_s(sound: bytes) -> float:
    """Give when the audio was stamped, s."""
    return int(sound[:STAMP]) / 1e6


def session_init() -> bytes:
    """Give the frame that opens a session of pcm16."""
    opening = {"client_version": "bench", "platform": "test-client", "src_lang": "en", "tgt_lang": "pt"}
    return _frame({"type": "session_init", **opening, "audio_format": "pcm16", "sample_rate": 16000})


class UtteranceFrames:
    """Utterances of one session: the same audio but for its stamp."""

    __slots__ = ("_head", "_index", "_tail")

    def __init__(self, session_id: str, sound: bytes) -> None:
        stated: dict[str, Any] = {
            "type": "utterance", "session_id": session_id, "utterance_index": "%d", "manual_cut": True,
            "src_lang": "en", "tgt_lang": "pt", "audio_format": "pcm16", "sample_rate": 16000, "audio": "",
        }  # fmt: skip
        self._head = _json(stated).replace(b'"%d"', b"%d").removesuffix(b'"}')
        self._tail = sound[STAMP:] + b'"}'
        self._index = -1

    def next(self) -> bytes:
        """Give the next one, stamped now."""
        self._index += 1
        return masked(self._head % self._index + stamp() + self._tail)


def chunk(session_id: str, seq: int, payload: bytes, *, final: bool) -> bytes:
    """Give the frame of one `audio_chunk`; ``payload`` is base64."""
    head = b'{"type":"audio_chunk","session_id":"%s","seq":%d,"is_final":%s,"payload":"'
    return masked(head % (session_id.encode(), seq, b"true" if final else b"false") + payload + b'"}')


def registration(node_id: str, slots: int) -> bytes:
    """Give the frame that enters a node for English to Portuguese."""
    return _frame(
        {
            "type": "node_register", "node_id": node_id, "version": "2.0.0",
            "capability_schema_version": "2.0", "platform": "linux", "installed_models": [],
            "hardware": {"cpu_cores": 8, "memory_gb": 32, "gpus": [{"name": "bench", "memory_gb": 8}]},
            "features_supported": {}, "accept_public_jobs": True, "max_concurrent_jobs": slots,
            **_capabilities(),
        }
    )  # fmt: skip


def heartbeat(node_id: str, cpu_percent: float = 10.0) -> bytes:
    """Give the frame of a heartbeat of the size that agents in the field send, 2.5 KB."""
    return _frame(
        {
            "type": "node_heartbeat", "node_id": node_id, "timestamp": time.time_ns() // 1_000_000,
            "resource_usage": {
                "cpu_percent": cpu_percent, "gpu_percent": 35.5, "gpu_mem_percent": 61.2,
                "mem_percent": 42.0, "running_jobs": 0,
            },
            "installed_models": [_model(number) for number in range(7)],
            **_capabilities(),
        }
    )  # fmt: skip


def heartbeats(node_id: str, number: int, seed: int) -> list[bytes]:
    """Give heartbeats that differ as real ones do: in time and load."""
    source = random.Random(f"{seed} {node_id}")
    return [heartbeat(node_id, round(source.uniform(5, 60), 1)) for _ in range(number)]


def result(node_id: bytes, job: bytes) -> bytes:
    """Answer a `job_assign` with its own audio, as the ``echo`` pipeline does."""
    return masked(
        b'{"type":"job_result","job_id":"%s","attempt_id":%s,"node_id":"%s","session_id":"%s",'
        b'"utterance_index":%s,"success":true,"text_asr":"ask not what your country can do for you",'
        b'"text_translated":"n\xc3\xa3o perguntem o que o vosso pa\xc3\xads pode fazer por v\xc3\xb3s",'
        b'"tts_audio":"%s","tts_format":"pcm16","trace_id":"%s"}'
        % (
            text_of(job, b'"job_id":"'), number_of(job, b'"attempt_id":'), node_id,
            text_of(job, b'"session_id":"'), number_of(job, b'"utterance_index":'),
            text_of(job, b'"audio":"'), text_of(job, b'"trace_id":"'),
        )
    )  # fmt: skip


def _capabilities() -> dict[str, Any]:
    return {
        "installed_services": [
            {
                "service_id": f"{kind}-service-{size}", "type": kind, "device": "gpu", "status": "running",
                "version": "1.4.2", "model_id": f"{kind}-{size}-multilingual",
            }
            for kind in _KINDS
            for size in ("base", "large")
        ],
        "capability_by_type": [
            {"type": kind, "ready": True, "ready_impl_ids": [f"{kind}-service-base", f"{kind}-service-large"]}
            for kind in _KINDS
        ],
        "language_capabilities": {
            "asr_languages": ["en", "pt", "es", "fr", "de"],
            "tts_languages": ["pt", "en", "es", "fr", "de"],
            "supported_language_pairs": [
                {"src": src, "tgt": tgt} for src in ("en", "pt") for tgt in ("pt", "en", "es") if src != tgt
            ],
        },
    }  # fmt: skip


def _model(number: int) -> dict[str, Any]:
    return {
        "model_id": f"model-{number}-multilingual", "kind": _KINDS[number % 3], "src_lang": "en",
        "tgt_lang": "pt", "dialect": None, "version": "1.4.2", "enabled": True,
    }  # fmt: skip


def _json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def _frame(message: dict[str, Any]) -> bytes:
    return masked(_json(message))
