"""Everything a peer may do wrong, on real sockets: what it is told, and that nothing else comes of it."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.peers import FakeClient, FakeNode, Peer
from tests.stack import Stack, wait_until

PAIR = ("en", "pt")
SILENCE = base64.b64encode(bytes(3200)).decode()
MESSAGE_BYTES = 2**17
HARDWARE = {"cpu_cores": 8, "memory_gb": 32, "gpus": [{"name": "RTX", "memory_gb": 24}]}


@dataclass(frozen=True)
class Bad:
    """A frame, and what its sender is told: an error's code and words, or the code of a close."""

    name: str
    frame: str | bytes
    code: str
    says: str
    """Regular expression found in the error's sentence or the close reason."""


def _json(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind, **members})


def _without(name: str, frame: str) -> str:
    members = json.loads(frame)
    del members[name]
    return json.dumps(members)


def _chunk(**members: Any) -> str:
    return _json("audio_chunk", **{"session_id": "SESSION", "seq": 0, "is_final": False} | members)


def _utterance(**members: Any) -> str:
    languages = {"src_lang": "en", "tgt_lang": "pt"}
    sound = {"audio": SILENCE, "audio_format": "pcm16", "sample_rate": 16_000}
    head = {"session_id": "SESSION", "utterance_index": 0, "manual_cut": True}
    return _json("utterance", **head | languages | sound | members)


def _init(**members: Any) -> str:
    languages = {"src_lang": "en", "tgt_lang": "pt"}
    return _json("session_init", **{"client_version": "1", "platform": "web"} | languages | members)


def _register(**members: Any) -> str:
    head = {"version": "2.0.0", "capability_schema_version": "2.0", "platform": "linux", "hardware": HARDWARE}
    lists: dict[str, Any] = {"installed_models": [], "capability_by_type": [], "features_supported": {}}
    return _json("node_register", **head | lists | {"accept_public_jobs": True} | members)


def _beat(**members: Any) -> str:
    usage = {"cpu_percent": 1, "mem_percent": 1, "running_jobs": 0}
    lists: dict[str, Any] = {"installed_services": [], "capability_by_type": []}
    head = {"node_id": "NODE", "timestamp": 1, "resource_usage": usage}
    return _json("node_heartbeat", **head | lists | members)


def _result(**members: Any) -> str:
    job = {"job_id": "job-1", "attempt_id": 1, "session_id": "s-1", "utterance_index": 0, "trace_id": "t"}
    return _json("job_result", **job | {"node_id": "NODE", "success": True} | members)


#: What neither kind of peer may send.
ANYWHERE = [
    Bad("not JSON", "hello", "INVALID_MESSAGE", "JSON"),
    Bad("empty frame", "", "INVALID_MESSAGE", "JSON"),
    Bad("half an object", '{"type": "client_hea', "INVALID_MESSAGE", "JSON"),
    Bad("not an object", "[1, 2]", "INVALID_MESSAGE", "object"),
    Bad("no type", "{}", "INVALID_MESSAGE", "type"),
    Bad("type not a string", '{"type": 5}', "INVALID_MESSAGE", "type"),
    Bad("unknown type", _json("make_coffee"), "INVALID_MESSAGE", "make_coffee"),
    Bad("deep nesting", "[" * 50_000, "INVALID_MESSAGE", "."),
    Bad("too many values", "[" + "1," * 60_000, "INVALID_MESSAGE", "."),
    Bad("binary", b'{"type": "client_heartbeat"}', "INVALID_MESSAGE", "text"),
    Bad("oversized", '"' + "x" * MESSAGE_BYTES + '"', "1009", "."),
    Bad("invalid UTF-8", b"\xff\xfe", "1007", "UTF-8"),
]

#: What a client with a session may not send.
FROM_CLIENT = [
    Bad("a server's type", _json("session_init_ack", session_id="s"), "INVALID_MESSAGE", "session_init_ack"),
    Bad("missing field", _without("src_lang", _utterance()), "INVALID_MESSAGE", "src_lang"),
    Bad("null in a required field", _chunk(is_final=None), "INVALID_MESSAGE", "is_final"),
    Bad("text where a number is due", _chunk(seq="1"), "INVALID_MESSAGE", "seq"),
    Bad("float where an integer is due", _chunk(seq=1.5), "INVALID_MESSAGE", "seq"),
    Bad("a boolean for a number", _chunk(seq=True), "INVALID_MESSAGE", "seq"),
    Bad("negative", _chunk(seq=-1), "INVALID_MESSAGE", "seq"),
    Bad("beyond 64 bits", _chunk(seq=2**64), "INVALID_MESSAGE", "seq"),
    Bad("half a surrogate", _chunk().replace("SESSION", "\\ud800"), "INVALID_MESSAGE", "."),
    Bad("wrong enum", _init(audio_format="mp3"), "INVALID_MESSAGE", "audio_format"),
    Bad(
        "rate nobody records at", _init(audio_format="pcm16", sample_rate=5), "INVALID_MESSAGE", "sample_rate"
    ),
    Bad("bad base64 in a chunk", _chunk(payload="!!!!"), "INVALID_MESSAGE", "base64"),
    Bad("base64 without padding", _chunk(payload="AAA"), "INVALID_MESSAGE", "base64"),
    Bad("bad base64 at once", _utterance(audio="*" * 40), "INVALID_MESSAGE", "base64"),
    Bad("no sound", _utterance(audio=""), "INVALID_MESSAGE", "audio"),
    Bad("unknown audio format", _utterance(audio_format="mp3"), "INVALID_MESSAGE", "mp3"),
    Bad("not the WAV it claims", _utterance(audio_format="wav"), "INVALID_MESSAGE", "(?i)wav"),
    Bad("broken Opus framing", _utterance(audio_format="opus", audio="//8A"), "INVALID_MESSAGE", "packet"),
    Bad("impossible sample rate", _utterance(sample_rate=0), "INVALID_MESSAGE", "sample_rate"),
    Bad("unknown session", _chunk(session_id="s-00000000"), "INVALID_SESSION", "SESSION"),
    Bad("another's session", _utterance(session_id="OTHER"), "INVALID_SESSION", "SESSION"),
    Bad(
        "another's session closed",
        _json("session_close", session_id="OTHER", reason="x"),
        "INVALID_SESSION",
        ".",
    ),
    Bad("unsupported pair", _utterance(tgt_lang="eo"), "UNSUPPORTED_FEATURE", "en→eo.*en→pt"),
    Bad("no language at all", _utterance(tgt_lang=""), "INVALID_MESSAGE", "language code"),
    Bad("spaces in a language", _utterance(tgt_lang="pt en"), "INVALID_MESSAGE", "language code"),
    Bad("signs in a language", _utterance(src_lang="*}{:\u202e"), "INVALID_MESSAGE", "language code"),
    Bad("endless language", _utterance(src_lang="e" * 200), "INVALID_MESSAGE", "language code"),
    Bad(
        "language nobody can listen in",
        _json("room_create", client_ts=1, preferred_lang="a b"),
        "INVALID_MESSAGE",
        "listen",
    ),
    Bad(
        "endless signal",
        _json("webrtc_offer", room_code="123456", to="s", sdp="x" * 70_000),
        "INVALID_MESSAGE",
        "65536",
    ),
]

BEFORE_SESSION = [
    Bad("chunk before session_init", _chunk(), "INVALID_SESSION", "session_init"),
    Bad("room before session_init", _json("room_create", client_ts=1), "INVALID_SESSION", "session_init"),
    Bad("utterance before session_init", _utterance(), "INVALID_SESSION", "session_init"),
    Bad("session_init without languages", _without("tgt_lang", _init()), "INVALID_MESSAGE", "tgt_lang"),
]

#: What a registered node may not send.
FROM_NODE = [
    Bad("a client's type", _json("client_heartbeat", session_id="s"), "INVALID_MESSAGE", "client_heartbeat"),
    Bad("missing field", _without("installed_services", _beat()), "INVALID_MESSAGE", "installed_services"),
    Bad("wrong enum", _beat(installed_services=[{"service_id": "a", "type": "asr", "device": "abacus",
        "status": "running"}]), "INVALID_MESSAGE", "device"),
    Bad("negative running jobs", _beat().replace('"running_jobs": 0', '"running_jobs": -1'),
        "INVALID_MESSAGE", "running_jobs"),
    Bad("not a number", _beat().replace('"mem_percent": 1', '"mem_percent": NaN'),
        "INVALID_MESSAGE", "mem_percent"),
    Bad("another's node id", _beat(node_id="node-good"), "INVALID_MESSAGE", "NODE"),
    Bad("another's result", _result(node_id="node-good"), "INVALID_MESSAGE", "NODE"),
    Bad("another id on one socket", _register(node_id="node-2"), "INVALID_MESSAGE", "NODE"),
]  # fmt: skip

BEFORE_REGISTRATION = [
    Bad("heartbeat before registration", _beat(), "INVALID_MESSAGE", "node_register"),
    Bad("result before registration", _result(), "INVALID_MESSAGE", "node_register"),
    Bad("no GPU", _register(hardware=HARDWARE | {"gpus": []}), "NO_GPU_AVAILABLE", "GPU"),
    Bad("GPUs unstated", _register(hardware=HARDWARE | {"gpus": None}), "NO_GPU_AVAILABLE", "GPU"),
    Bad("schema 1.0", _register(capability_schema_version="1.0"), "INVALID_CAPABILITY_SCHEMA", r"1\.0.*2\.0"),
    Bad("schema unstated", _register(capability_schema_version=None), "INVALID_CAPABILITY_SCHEMA", r"2\.0"),
    Bad("signs in the node id", _register(node_id="a b"), "INVALID_MESSAGE", "node_id"),
    Bad("endless node id", _register(node_id="n" * 200), "INVALID_MESSAGE", "node_id"),
    Bad("no time between heartbeats", _register(heartbeat_interval_s=0),
        "INVALID_MESSAGE", "heartbeat_interval_s"),
    Bad("heartbeats never", _register().replace('"2.0.0"', '"2.0.0", "heartbeat_interval_s": 1e999'),
        "INVALID_MESSAGE", "heartbeat_interval_s"),
]  # fmt: skip


@pytest.fixture(scope="module")
def system() -> Iterator[Stack]:
    """Give a system that wants GPUs, with one good node; no bad input may leave an error in its log."""
    with Stack(require_gpu=True, message_bytes=MESSAGE_BYTES) as stack:
        with stack.node(PAIR, node_id="node-good"):
            yield stack
        stack.assert_clean_logs()


AUTO = [
    ("not a language", ["en", "*"], "language code"),
    ("languages without end", [f"l{number}" for number in range(31)], "30 at most"),
]


@pytest.mark.parametrize(("name", "auto_langs", "says"), AUTO, ids=[name for name, *_ in AUTO])
def test_auto_languages_are_checked(system: Stack, name: str, auto_langs: list[str], says: str) -> None:
    """They become part of a requirement, and those are kept."""
    with FakeClient(system.webs[0].url("/ws/session"), "auto", "pt", auto_langs=auto_langs) as client:
        client.say()
        error = client.wait("error")
        assert (error["code"], says in error["message"]) == ("INVALID_MESSAGE", True), error


def _peer(system: Stack, kind: str) -> Peer:
    web = system.webs[0]
    if kind == "client":
        return FakeClient(web.url("/ws/session"), *PAIR)
    if kind == "node":
        return FakeNode(web.url("/ws/node"), ("xx", "yy"))
    return Peer(web.url("/ws/session" if kind == "new client" else "/ws/node"))


def _is_alive(peer: Peer, kind: str) -> None:
    """See that a connection goes on as if nothing had happened."""
    if isinstance(peer, FakeClient):
        peer.send("client_heartbeat", session_id=peer.session_id, timestamp=1)
        peer.wait("server_heartbeat")
    elif isinstance(peer, FakeNode):
        peer.heartbeat(draining=True)
        peer.wait("node_status", status="draining")
    elif kind == "new client":
        peer.send_raw(_init())
        peer.wait("session_init_ack")
    else:
        peer.send_raw(_register(node_id=None))
        peer.wait("node_register_ack")


CASES = [
    *[("client", bad) for bad in ANYWHERE + FROM_CLIENT],
    *[("new client", bad) for bad in ANYWHERE + BEFORE_SESSION],
    *[("node", bad) for bad in ANYWHERE + FROM_NODE],
    *[("new node", bad) for bad in ANYWHERE + BEFORE_REGISTRATION],
]


def _names_it(peer: Peer) -> str:
    return getattr(peer, "session_id", "") or getattr(peer, "node_id", "") or "-"


@pytest.mark.parametrize(("kind", "bad"), CASES, ids=[f"{kind}: {bad.name}" for kind, bad in CASES])
def test_is_answered_helpfully_and_leaves_nothing(system: Stack, kind: str, bad: Bad) -> None:
    before = system.webs[0].stats()
    with FakeClient(system.webs[0].url("/ws/session"), *PAIR) as bystander:
        with _peer(system, kind) as peer:
            own, frame = _names_it(peer), bad.frame
            says = bad.says.replace("SESSION", own).replace("NODE", own)
            if isinstance(frame, str):
                frame = frame.replace("SESSION", own).replace("NODE", own)
                frame = frame.replace("OTHER", bystander.session_id)
            if bad.name == "invalid UTF-8":
                peer.socket.send(frame, text=True)
            else:
                peer.send_raw(frame)
            if bad.code.isdigit():
                code, reason = peer.wait_closed()
                assert (str(code), bool(re.search(says, reason))) == (bad.code, True), reason
            else:
                error = peer.wait("error")
                assert error["code"] == bad.code, error
                assert re.search(says, error["message"]), error
                assert 15 < len(error["message"]) < 500
                _is_alive(peer, kind)
                assert len(peer.all("error")) == 1
        bystander.say()
        assert bystander.texts(1) == ["en 0"], "somebody else's session suffered"

    def is_as_before() -> bool:
        now = system.webs[0].stats()
        return all(now[name] == before[name] for name in ("sockets", "sessions", "nodes"))

    wait_until(is_as_before, "sockets, sessions and nodes as before")
