"""What stands above the store in a web process, under a store that loses requests and replies.

The placing, the assignment, a node's answer, the drain and the delivery are the real ones, over a real
server; only the two sockets are lists of frames. Whatever the schedule of faults: an utterance that was not
refused ends in exactly one result or replacement, in order; of one that was, nothing is heard again.
"""

import base64
import json
from dataclasses import replace
from typing import Any, cast

import gevent
import pytest

from scheduling.bodies import Bodies
from scheduling.capability import capability_class
from scheduling.catalog import read_pools
from scheduling.cutter import CutLimits, Cutter
from scheduling.drain import drain_shards
from scheduling.errors import StoreError
from scheduling.ledger import Ledger, NodeRegistration
from scheduling.messages import (
    NodeRegister,
    SessionInit,
    Utterance,
    parse_client_message,
    parse_node_message,
)
from scheduling.pooling import drain_pools
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.faults import Fault, Faults, FaultyStore
from tests.lua.world import beat
from tests.peers import translation
from tests.scheduling.crashing import lapse
from tests.tasks.broker import app_on
from web.asking import ask_for_utterance
from web.assigning import Assigner
from web.connection import Connection, ConnectionClosed
from web.delivery import Delivery
from web.limiter import Limiter
from web.node_link import NodeLink
from web.node_messages import NodeMessages
from web.pairing import Pairings
from web.peers import Peers
from web.placing import Placer
from web.publisher import Publisher
from web.refused import Refused
from web.restoring import Restorer
from web.room_delivery import RoomResults
from web.session_link import SessionLink
from web.timing import Timings
from web.usage import UsageBook

_UTTERANCES = 12
#: How long the longest of the waits in `web/doubt.py` that a run here meets may take, s.
_PATIENCE_S = 30.0


REGISTERS = {
    "type": "node_register",
    "version": "2",
    "capability_schema_version": "2.0",
    "platform": "linux",
    "hardware": {"cpu_cores": 8, "memory_gb": 32},
    "installed_models": [],
    "features_supported": {},
    "accept_public_jobs": True,
    "capability_by_type": [{"type": name, "ready": True} for name in ("asr", "nmt", "tts")],
    "language_capabilities": {
        "asr_languages": ["en"],
        "tts_languages": ["pt"],
        "semantic_languages": [],
        "supported_language_pairs": [{"src": "en", "tgt": "pt"}],
    },
}
_SAYS = {
    "type": "utterance",
    "session_id": "s",
    "manual_cut": True,
    "src_lang": "en",
    "tgt_lang": "pt",
    "audio_format": "pcm16",
    "sample_rate": 16_000,
}


class Line:
    """A socket that keeps its frames; the other end is in the same process."""

    closed = False
    last_seen_s = 0.0
    queued_bytes = 0

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []

    def send(self, text: str) -> None:
        if self.closed:
            raise ConnectionClosed(1000, "")
        self.frames.append(json.loads(str(text)))

    def flush(self) -> None:
        pass


class Process:
    """A web process without its sockets, with one node and one session."""

    def __init__(self, store: PlainStore, seed: int) -> None:
        self.plain = store
        # Half of them keep bodies on a server of their own (here the same one), stored by calls of their own.
        payload_url = "redis://apart" if seed % 2 == 0 else ""
        self.settings = Settings(redis_url="redis://unused", payload_url=payload_url, retention_ms=600_000)
        calm = Ledger(store, self.settings)
        calm.cell.open()
        self.faulty = FaultyStore(store, Faults(seed, rate=0))
        self.ledger = Ledger(self.faulty, self.settings)
        self.bodies = bodies = Bodies(self.faulty, self.settings)
        self.peers = peers = Peers()
        timings = Timings()
        usage, limiter = UsageBook(self.ledger, "web1"), Limiter(self.settings)
        assigner = Assigner(self.ledger, bodies, peers, "web1", usage, timings)
        restorer = Restorer(self.ledger, "web1")
        self.placer = Placer(self.ledger, bodies, assigner, "web1", timings, restorer, limiter, usage)
        self.delivery = Delivery(
            self.ledger, bodies, RoomResults(self.ledger, bodies), lambda _: None, timings.first_audio
        )
        self.publisher = publisher = Publisher(app_on("redis://127.0.0.1:1"))
        self.messages = NodeMessages(
            self.ledger,
            bodies,
            peers,
            assigner,
            publisher,
            "web1",
            timings,
            lambda *_: None,
            Pairings(self.ledger, limiter),
            usage,
        )
        self.node, self.client = Line(), Line()
        peers.nodes["n1"] = self.link = self._node(calm)
        drain_pools(calm)
        calm.nodes.heartbeat(replace(beat("n1"), capability=self.link.capability))
        self.session = self._session(calm)
        peers.sessions["s"] = self.session
        self.placer.swap_catalog(read_pools(store, calm.keys))

    def _node(self, calm: Ledger) -> NodeLink:
        stated = parse_node_message(json.dumps(REGISTERS))
        assert isinstance(stated, NodeRegister)
        services, languages = stated.capability_by_type, stated.language_capabilities
        capability = capability_class(services, languages, True, None)
        registration = NodeRegistration("n1", "so-n1", "web1", "", 64, 15_000, capability, False, "{}")
        calm.nodes.register(registration)
        connection = cast(Connection, self.node)
        return NodeLink(connection, registration, False, False, capability, (services, languages, None))

    def _session(self, calm: Ledger) -> SessionLink:
        init = SessionInit(client_version="1", platform="x", src_lang="en", tgt_lang="pt")
        link = SessionLink(
            "s", "client", cast(Connection, self.client), init, "trace", Cutter(CutLimits(), "pcm16", 16_000),
            "pcm16", 16_000, profile="{}",
        )  # fmt: skip
        link.epoch, _ = calm.sessions.open("s", "web1", "client", "{}")
        return link

    def say(self, index: int) -> bool:
        """Say something; whether it was accepted."""
        audio = base64.b64encode(bytes([index]) * 320).decode()
        message = parse_client_message(json.dumps(_SAYS | {"utterance_index": index, "audio": audio}))
        assert isinstance(message, Utterance)
        try:
            self.placer.place(self.session, ask_for_utterance(self.session, message, 10))
        except (Refused, StoreError):
            return False
        return True

    def answer(self) -> None:
        """Have the node answer every job it was sent and has not answered."""
        for job in self.node.frames:
            if job["type"] == "job_assign" and not job.get("answered"):
                job["answered"] = True
                about = {
                    name: job[name] for name in ("job_id", "attempt_id", "session_id", "utterance_index")
                }
                said = translation(job) | about | {"type": "job_result", "node_id": "n1", "trace_id": "t"}
                self.messages.handle(self.link, parse_node_message(json.dumps(said)))

    def upkeep(self) -> None:
        """Do what sweepers and workers do all the time."""
        try:
            self.ledger.jobs.settle("web1", 60_000)
            for shard in range(self.settings.shards):
                drain_shards(self.ledger, self.bodies, [shard])
            self.delivery.look([self.session])
        except StoreError:
            return

    def ends(self) -> list[int]:
        kinds = ("translation_result", "missing_result")
        return [frame["utterance_index"] for frame in self.client.frames if frame["type"] in kinds]


@pytest.mark.parametrize("seed", range(8))
def test_accepted_ends_once_and_refused_is_not_heard_of(store: PlainStore, seed: int) -> None:
    process = Process(store, seed)
    process.faulty.faults.rate = 0.25
    accepted = []
    for index in range(_UTTERANCES):
        if process.say(index):
            accepted.append(index)
        gevent.sleep(0)
        process.answer()
        process.upkeep()
    process.faulty.calm()
    assert 0 < len(accepted) < _UTTERANCES, "some were accepted and some were not"
    with gevent.Timeout(_PATIENCE_S):
        while process.session.running or process.session.unheard:
            for shard in range(process.settings.shards):
                lapse(store, process.ledger.keys.results(shard))
            process.answer()
            process.upkeep()
            gevent.sleep(0.02)
    assert process.ends() == accepted


def test_each_way_to_fail_was_met(store: PlainStore) -> None:
    met: set[Fault] = set()
    heard = 0
    for seed in range(8):
        store.command("FLUSHALL")
        process = Process(store, seed)
        process.faulty.faults.rate = 0.25
        for index in range(_UTTERANCES):
            heard += process.say(index)
            process.upkeep()
        met |= {kind for _, kind in process.faulty.faults.met}
        process.faulty.calm()
    assert 0 < heard < 8 * _UTTERANCES, "some were accepted and some were not"
    assert met == set(Fault)


class Outage(Faults):
    """Loses all calls of some names, until it is over."""

    def __init__(self, *names: str) -> None:
        super().__init__(0)
        self.names = names

    def next(self, name: str) -> Fault | None:
        if name not in self.names:
            return None
        self.met[name, Fault.UNSENT] += 1
        return Fault.UNSENT


def test_accepted_without_stored_audio_is_not_also_refused(store: PlainStore) -> None:
    """The job was reserved and sent; its audio could not be stored, and cancelling it failed as well.

    That error came up to the session, which refused the utterance. Then the node's result came too.
    """
    process = Process(store, 0)
    process.faulty.faults = Outage("put_body", "cancel")
    assert process.say(0)
    process.faulty.faults = Outage()
    while process.session.running:
        process.answer()
        process.upkeep()
        gevent.sleep(0.02)
    assert process.ends() == [0]


def test_result_is_offered_to_the_ledger_until_it_is_taken(store: PlainStore) -> None:
    process = Process(store, 0)
    assert process.say(0)
    process.faulty.faults = Outage("complete")
    answering = gevent.spawn(process.answer)
    with gevent.Timeout(_PATIENCE_S):
        while process.faulty.faults.met["complete", Fault.UNSENT] < 2:
            gevent.sleep(0.02)
    assert not answering.dead
    process.faulty.faults = Outage()
    answering.join()
    with gevent.Timeout(_PATIENCE_S):
        while process.session.running:
            process.upkeep()
            gevent.sleep(0.02)
    assert process.ends() == [0]
