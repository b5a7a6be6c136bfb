"""What people say stays out of every log, at any level; and their records end when they should."""

import base64
import json
from typing import Any

import redis

from tests.peers import FakeClient, FakeNode
from tests.stack import Stack, wait_until
from tests.web.test_limits import post

PAIR = ("en", "pt")
SAID = "Zwölf Boxkämpfer jagen Viktor"
HEARD, TRANSLATED, GUESSED = "xylophone-heard", "xylophone-translated", "xylophone-guessed"
AUDIO = b"xylophone-audio!" * 200
SPEECH = b"xylophone-speech" * 20
#: What to look for: the words, the sound as it is and as base64, whose middle is the same wherever it begins.
MARKERS = (
    "xylophone", "Boxk", "eHlsb3Bob25l", "h5bG9waG9uZ", "4eWxvcGhvbm", repr(AUDIO[:16])[2:-1],
)  # fmt: skip


#: What a node recognised, translated and spoke; and how a careless one fails, repeating what was said.
SAYS: dict[str, Any] = {
    "success": True,
    "text_asr": f"{SAID} {HEARD}",
    "text_translated": TRANSLATED,
    "tts_audio": base64.b64encode(SPEECH).decode(),
    "tts_format": "pcm16",
}
FAILS = {"code": "PROCESSING_ERROR", "message": f"cannot translate {HEARD}", "details": {"said": SAID}}


def celery(stack: Stack, name: str, *words: str) -> None:
    """Start a Celery process at DEBUG, which our own commands do not."""
    process = stack.start(name, ["celery", "-A", "tasks.app:app", *words, "--loglevel", "DEBUG"])
    process.wait_log("beat: Starting" if name == "beat" else " ready.")


def test_nothing_that_was_said_is_in_any_log() -> None:
    with Stack(webs=2, log_level="DEBUG", max_attempts=1) as stack:
        for queue in ("control", "drain"):
            celery(stack, queue, "worker", "--queues", queue, "--pool", "solo", "--hostname", f"{queue}@%h")
        celery(stack, "beat", "beat")
        with (
            stack.node(PAIR, answer=None) as node,
            stack.client(*PAIR, web=1, resumable=True, binary_frames=True) as client,
        ):
            speak(node, client)
            upload(stack, node)
            misbehave(stack, node, client)
        speak_to_our_agent(stack)
        for web in stack.webs:
            web.terminate()
            web.wait()
        leaked = [
            f"{process.name}: {line[:300]}"
            for process in stack.processes
            for line in process.log.splitlines()
            if any(marker in line for marker in MARKERS)
        ]
        assert not leaked, "\n".join(leaked)
        assert all("DEBUG" in process.log for process in stack.processes[:2]), "they said all they had to"


def speak(node: FakeNode, client: FakeClient) -> None:
    """Say something by chunks and at once: partial texts, a result, a failure that repeats it."""
    client.say(AUDIO)
    job = node.job(1)
    node.accept(job)
    node.partial(job, GUESSED)
    client.wait("asr_partial", text=GUESSED)
    node.answer(job, **SAYS)
    assert client.result(1)["text_translated"] == TRANSLATED
    client.utterance(1, AUDIO)
    node.answer(node.job(2), success=False, error=FAILS)
    assert client.wait("error")["message"] == FAILS["message"]
    client.result(2)
    node.answer(node.job(1), **SAYS)  # stale by now
    client.say(AUDIO)
    lacks = {"service_id": "asr", "reason": HEARD}
    error = {"code": "MODEL_NOT_AVAILABLE", "message": HEARD, "details": lacks}
    node.answer(node.job(3), success=False, error=error)
    client.result(3)
    node.heartbeat()
    node.send("node_error", node_id=node.node_id, code="ASR", message=f"bad text {HEARD}", details=SAID)


def upload(stack: Stack, node: FakeNode) -> None:
    """Send a recording over HTTP; one is right, one is not."""
    answered, node.answer_with = node.answer_with, lambda _job: SAYS
    for audio_format, status in (("pcm16", 200), ("opus", 400)):
        path = f"/api/v1/utterances?src={PAIR[0]}&tgt={PAIR[1]}&audio_format={audio_format}"
        assert post(stack, path, AUDIO)[0] == status
    node.answer_with = answered


def misbehave(stack: Stack, node: FakeNode, client: FakeClient) -> None:
    """Send what cannot be read: it is speech all the same."""
    frames = (
        f'{{"type":"audio_chunk","payload":"{SAID} {HEARD}"',
        json.dumps({"type": "utterance", "audio": HEARD, "src_lang": SAID}),
        json.dumps({"type": HEARD, "text": SAID}),
        json.dumps({"type": "audio_chunk", "session_id": "x", "seq": 9, "is_final": True, "payload": HEARD}),
        AUDIO,
    )
    for nth, frame in enumerate(frames, len(client.all("error")) + 1):
        client.send_raw(frame)
        client.wait("error", nth)
    for nth, frame in enumerate(frames[:3], len(node.all("error")) + 1):
        node.send_raw(frame)
        node.wait("error", nth)
    node.send("job_result", node_id=node.node_id, job_id="j", text_asr=HEARD, success=SAID)
    node.wait("error", 4)
    stack.webs[0].get(f"/api/v1/explain?src={HEARD}&tgt=pt")


def speak_to_our_agent(stack: Stack) -> None:
    """Have our own agent do a job, with partial texts; it says what it does as it always says it."""
    words = ["web.command", "node", "--url", stack.webs[0].url("/ws/node"), "--pipeline", "echo"]
    agent = stack.start("agent", [*words, "--pairs", "es-en", "--partials", "2"])
    agent.wait_log("registered")
    with stack.client("es", "en") as client:
        wait_until(lambda: ["es", "en"] in pairs(stack), "its pair to be served")
        client.say(AUDIO)
        client.result(1)


def pairs(stack: Stack) -> list[list[str]]:
    """Give the pairs that are served."""
    _, body = stack.webs[0].get("/api/v1/languages")
    return [[pair["src"], pair["tgt"]] for pair in body["pairs"]]


def test_what_was_said_is_gone_when_its_time_is_over() -> None:
    """Nothing in Redis holds it any longer: not the job, not the stream, not the bodies."""
    times = {"retention_ms": 1000, "resume_ms": 1000, "utterance_ms": 2000, "session_ms": 60_000}
    with Stack(webs=2, workers=True, **times) as stack, stack.node(PAIR, answer=None) as node:
        with stack.client(*PAIR, web=1, resumable=True) as client:
            client.say(AUDIO)
            job = node.job()
            node.partial(job, GUESSED)
            client.wait("asr_partial")
            assert markers_in_redis(stack), "it has to be there while it is worked on"
            node.answer(job, **SAYS)
            client.result(1)
        wait_until(lambda: not markers_in_redis(stack), "everything to be gone")


def markers_in_redis(stack: Stack) -> list[str]:
    """Give the keys that hold anything of what was said."""
    found = []
    with redis.Redis.from_url(stack.valkey.url) as client:
        for key in client.scan_iter(count=1000):
            held = (client.dump(key) or b"").decode("latin-1")
            if any(marker in held for marker in MARKERS):
                found.append(key.decode())
    return found
