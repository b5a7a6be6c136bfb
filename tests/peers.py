"""Nodes and clients for tests to play with, over real sockets; each reads in a thread of its own."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

Frame = dict[str, Any]
#: What a node says to a job: members of its `job_result`, or None to say nothing yet.
Answer = Callable[[Frame], Frame | None]

#: Everything here happens on one machine, which may be busy; only a fault takes this long.
PATIENCE_S = 20.0


class Peer:
    """One WebSocket. All frames are kept; waiting looks at them from the first, so none is missed."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.frames: list[Frame] = []
        self._news = threading.Condition()
        self._ended: ConnectionClosed | None = None
        self._leaving = ExitStack()
        # A server says of itself when it is overrun; a client library's own limits would only hide it.
        options: dict[str, Any] = {
            "max_size": None,
            "compression": None,
            "close_timeout": 1,
            "open_timeout": 20,
            "additional_headers": headers,
        }
        self.socket = self._leaving.enter_context(connect(url, **options))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, kind: str, **members: Any) -> None:
        """Send a message; members that are None are sent as null."""
        self.send_raw(json.dumps({"type": kind, **members}))

    def send_raw(self, data: str | bytes) -> None:
        """Send a frame as it is: text, or binary for bytes."""
        self.socket.send(data)

    def all(self, kind: str, **members: Any) -> list[Frame]:
        """Give every frame so far of this type and with these members."""
        with self._news:
            return [frame for frame in self.frames if _matches(frame, kind, members)]

    def wait(self, kind: str, nth: int = 1, within_s: float = PATIENCE_S, **members: Any) -> Frame:
        """Wait for the nth frame of this type and with these members."""
        self.wait_for(lambda: len(self.all(kind, **members)) >= nth, f"{kind} {members}", within_s)
        return self.all(kind, **members)[nth - 1]

    def wait_for(self, condition: Callable[[], bool], what: str = "", within_s: float = PATIENCE_S) -> None:
        """Wait until a condition on the frames holds; fails, showing them, after a time-out or the end."""
        until_s = time.monotonic() + within_s
        with self._news:
            while not condition():
                left_s = until_s - time.monotonic()
                if self._ended is not None or left_s <= 0 or not self._news.wait(left_s):
                    frames = "\n".join(str(frame)[:300] for frame in self.frames)
                    raise AssertionError(f"never came: {what} (ended: {self._ended}); frames:\n{frames}")

    def wait_let_in(self, kind: str) -> Frame:
        """Wait for this answer to the first message; fails at once when the server refuses it."""
        self.wait_for(lambda: bool(self.all(kind) or self.all("error") or self.all("node_error")), kind)
        refused = [*self.all("error"), *self.all("node_error")]
        assert self.all(kind), f"not let in: {refused}"
        return self.all(kind)[0]

    def wait_closed(self, within_s: float = PATIENCE_S) -> tuple[int, str]:
        """Wait until the server closes; gives its close code and reason."""
        self._reader.join(within_s)
        assert self._ended is not None, f"the server did not close within {within_s:g} s"
        frame = self._ended.rcvd
        return (frame.code, frame.reason) if frame else (1006, "")

    def close(self) -> None:
        """Leave with a closing handshake."""
        self._leaving.close()
        self._reader.join(PATIENCE_S)

    def cut(self) -> None:
        """Leave without a word, as a crash or a lost network does."""
        with suppress(OSError):
            self.socket.socket.shutdown(2)
        self._reader.join(PATIENCE_S)

    def _read(self) -> None:
        try:
            while True:
                self._take(_frame(self.socket.recv()))
        except ConnectionClosed as end:
            with self._news:
                self._ended = end
                self._news.notify_all()

    def _take(self, frame: Frame) -> None:
        with self._news:
            self.frames.append(frame)
            self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _frame(data: str | bytes) -> Frame:
    """Read JSON; a binary frame is kept as it came, as a type of its own."""
    if isinstance(data, bytes):
        return {"type": "binary", "data": data}
    frame: Frame = json.loads(data, parse_constant=_no_json)
    return frame


def _no_json(constant: str) -> None:
    """Refuse NaN and Infinity: Python reads them, but the clients' parsers do not."""
    raise AssertionError(f"{constant} is not JSON")


def translation(job: Frame) -> Frame:
    """Answer a job as the simplest node would."""
    index = job["utterance_index"]
    return {
        "success": True,
        "text_asr": f"{job['src_lang']} {index}",
        "text_translated": f"{job['tgt_lang']} {index}",
        "tts_audio": base64.b64encode(f"speech {index}".encode()).decode(),
        "tts_format": "opus",
        "processing_time_ms": 5,
    }


def failure(code: str, message: str = "it broke", details: Any = None) -> Answer:
    """Give an answer that fails with a code."""
    return lambda _job: {
        "success": False,
        "error": {"code": code, "message": message, "details": details},
    }


class FakeNode(Peer):
    """A node; it registers, heartbeats once, and answers its jobs by ``answer`` in its reader's thread.

    It behaves as existing agents do: no acknowledgement, no resuming, no addition of ours in its
    registration. ``ours`` adds what our agent states (slots are an addition too).
    """

    def __init__(
        self,
        url: str,
        *pairs: tuple[str, str],
        node_id: str | None = None,
        answer: Answer | None = translation,
        semantic: Iterable[str] = (),
        public: bool = True,
        slots: int | None = None,
        ours: bool = False,
        beat: bool = True,
        headers: Mapping[str, str] | None = None,
        **additions: Any,
    ) -> None:
        self.answer_with = answer
        self.acknowledges = ours
        self.node_id = ""
        self._semantic = list(semantic)
        self._pairs = pairs
        super().__init__(url, headers)
        stated: Frame = {"acknowledges": True, "resumable": True, "running_attempts": []} if ours else {}
        if slots is not None:
            stated["max_concurrent_jobs"] = slots
        self.register(node_id=node_id, accept_public_jobs=public, **stated | additions)
        self.node_id = self.wait_let_in("node_register_ack")["node_id"]
        if beat:
            self.heartbeat()
            self.wait("node_status", status="ready")

    @property
    def jobs(self) -> list[Frame]:
        """Every `job_assign` so far."""
        return self.all("job_assign")

    def job(self, nth: int = 1) -> Frame:
        """Wait for the nth job."""
        return self.wait("job_assign", nth)

    def register(self, **members: Any) -> None:
        """Send `node_register`."""
        self.send("node_register", **self.registration() | members)

    def registration(self) -> Frame:
        """Give what it says of itself, but for its id."""
        return {
            "version": "2.0.0",
            "capability_schema_version": "2.0",
            "platform": "linux",
            "hardware": {"cpu_cores": 8, "memory_gb": 32, "gpus": [{"name": "RTX", "memory_gb": 24}]},
            "installed_models": [],
            "features_supported": {},
            "accept_public_jobs": True,
            **self.capabilities(),
        }

    def heartbeat(self, running_jobs: int = 0, cpu_percent: float = 5, **members: Any) -> None:
        """Send `node_heartbeat`; capabilities are those registered unless stated."""
        usage = {"cpu_percent": cpu_percent, "mem_percent": 20, "running_jobs": running_jobs}
        defaults = {"timestamp": 1, "resource_usage": usage, "installed_services": []}
        self.send("node_heartbeat", node_id=self.node_id, **defaults | self.capabilities() | members)

    def capabilities(self, *pairs: tuple[str, str], without: Iterable[str] = ()) -> Frame:
        """Give services and languages for the pairs, or for those the node was made with."""
        pairs = pairs or self._pairs
        services = [name for name in ("asr", "nmt", "tts", "semantic") if name not in without]
        return {
            "capability_by_type": [{"type": name, "ready": True} for name in services],
            "language_capabilities": {
                "asr_languages": sorted({src for src, _ in pairs}),
                "tts_languages": sorted({tgt for _, tgt in pairs}),
                "semantic_languages": self._semantic,
                "supported_language_pairs": [{"src": src, "tgt": tgt} for src, tgt in pairs],
            },
        }

    def accept(self, job: Frame) -> None:
        """Acknowledge and start a job."""
        for kind in ("job_ack", "job_started"):
            self.send(kind, **self._about(job, "attempt_id", "session_id", "trace_id"))

    def partial(self, job: Frame, text: str) -> None:
        """Send what was recognised so far."""
        about = self._about(job, "session_id", "utterance_index", "trace_id")
        self.send("asr_partial", text=text, is_final=False, **about)

    def answer(self, job: Frame, **members: Any) -> None:
        """Send the `job_result` of a job; a translation unless members say otherwise."""
        about = self._about(job, "attempt_id", "session_id", "utterance_index", "trace_id")
        self.send("job_result", **about | translation(job) | members)

    def _about(self, job: Frame, *names: str) -> Frame:
        return {"job_id": job["job_id"], "node_id": self.node_id} | {name: job[name] for name in names}

    def _take(self, frame: Frame) -> None:
        super()._take(frame)
        if frame["type"] == "job_assign" and self.answer_with is not None:
            self._work(frame, self.answer_with)

    def _work(self, job: Frame, answer: Answer) -> None:
        if self.acknowledges:
            self.accept(job)
        members = answer(job)
        if members is not None:
            about = self._about(job, "attempt_id", "session_id", "utterance_index", "trace_id")
            self.send("job_result", **about | members)


class FakeClient(Peer):
    """A client with one session; by default one that negotiates pcm16 and so sends its final last."""

    def __init__(
        self,
        url: str,
        src: str = "en",
        tgt: str = "pt",
        headers: Mapping[str, str] | None = None,
        **init: Any,
    ) -> None:
        super().__init__(url, headers)
        self.languages = (src, tgt)
        self._seq = 0
        self.init(**init)
        self.session_id: str = self.wait("session_init_ack")["session_id"]

    def init(self, **members: Any) -> None:
        """Send `session_init`."""
        src, tgt = self.languages
        defaults = {"client_version": "1", "platform": "test-client", "src_lang": src, "tgt_lang": tgt}
        self.send("session_init", **defaults | {"audio_format": "pcm16"} | members)

    def chunk(self, audio: bytes, *, final: bool = False, **members: Any) -> None:
        """Send an `audio_chunk` with the next sequence number."""
        payload = base64.b64encode(audio).decode()
        defaults = {"session_id": self.session_id, "seq": self._seq, "is_final": final, "payload": payload}
        self._seq += 1
        self.send("audio_chunk", **defaults | members)

    def say(self, audio: bytes = bytes(3200)) -> None:
        """Send a chunk that ends its utterance: silence, as no fake node listens."""
        self.chunk(audio, final=True)

    def utterance(self, index: int = 0, audio: bytes = bytes(3200), **members: Any) -> None:
        """Send a one-shot `utterance`."""
        src, tgt = self.languages
        defaults = {"session_id": self.session_id, "utterance_index": index, "manual_cut": True}
        sound = {"audio": base64.b64encode(audio).decode(), "audio_format": "pcm16", "sample_rate": 16_000}
        self.send("utterance", **defaults | {"src_lang": src, "tgt_lang": tgt} | sound | members)

    @property
    def results(self) -> list[Frame]:
        """Translations and their replacements, as they came."""
        kinds = ("translation_result", "missing_result")
        return [frame for frame in list(self.frames) if frame["type"] in kinds]

    def result(self, nth: int = 1) -> Frame:
        """Wait for the nth result or its replacement."""
        self.wait_for(lambda: len(self.results) >= nth, f"result number {nth}")
        return self.results[nth - 1]

    def texts(self, count: int) -> list[str]:
        """Wait for so many results; gives their texts as heard, as they came, "-" for a missing one."""
        self.result(count)
        return [frame.get("text_asr", "-") for frame in self.results]


def _matches(frame: Frame, kind: str, members: Frame) -> bool:
    return frame["type"] == kind and all(frame.get(name) == value for name, value in members.items())
