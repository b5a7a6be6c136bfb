"""A session as this process sees it: its socket, its cutter, and what it still waits for."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

from gevent.lock import RLock

from scheduling.bodies import FetchedBody
from scheduling.conversation import Conversation
from scheduling.credentials import CLIENT, OPEN, Identity
from scheduling.cutter import Cutter
from scheduling.limits import NO_LIMITS, Limits, tenant_name
from scheduling.messages import SessionInit
from web.connection import Connection, ConnectionClosed
from web.shared_text import SharedText


def tick_ms() -> int:
    """Read the clock of cutters and limits: one that nobody sets."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class SessionLink:
    """One session's socket. Its own greenlet alone feeds the cutter and counts utterances."""

    session_id: str
    socket: str
    connection: Connection
    init: SessionInit
    trace_id: str
    cutter: Cutter
    audio_format: str
    sample_rate: int
    limits: Limits = NO_LIMITS
    """What its tenant may take."""
    identity: Identity = OPEN[CLIENT]
    """Who speaks: tenant, languages, tier, limits."""
    profile: str = ""
    """JSON of what the session asked for, as the ledger keeps it."""
    next_index: int = 0
    begun_index: int = -1
    """Last utterance whose beginning was told to a client that follows their journey."""
    placing: RLock = field(default_factory=RLock)
    """Held while cuts are placed, so that their indices and order numbers go together."""
    preferred_pool: str = ""
    paired_node: str = ""
    """Node whose pairing code the client gave."""
    language_pair: tuple[str, str] = ("", "")
    running: dict[tuple[str, int], int | None] = field(default_factory=dict)
    """Language and order number of what was accepted and not answered yet, to its utterance index.

    The index is None where it was accepted over a socket that was lost."""
    seen_running: tuple[str, int] | None = None
    """The first of these when they were last looked at."""
    jobs: dict[tuple[str, int], str] = field(default_factory=dict)
    """The job of each of them."""
    speech_ended_ms: int = 0
    """When the speech of the utterance that is placed now ended."""
    spoken_until_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    """The same of what was placed over this socket and not answered yet."""
    traceparents: dict[tuple[str, int], str] = field(default_factory=dict)
    """Their spans, where traces are made."""
    conversation: Conversation = field(default_factory=Conversation)
    pressed_until_ms: int = 0
    """The client was asked to slow down until then, or, when `paused`, to send nothing."""
    paused: bool = False
    heard_ms: int = field(default_factory=tick_ms)
    """When its last frame came."""
    unheard: set[str] = field(default_factory=set)
    """Jobs the client was told had failed while it was not known whether they were accepted."""
    sent_id: str = ""
    """Last entry of the out stream that was sent."""
    wanted_id: str = ""
    """Entry up to which the out stream is known to go."""
    delivering: bool = False
    fetched: tuple[str, FetchedBody] | None = None
    """The speech that goes with what is delivered next: its name, and where it comes."""
    draining: bool = False
    """This process is about to end and takes no more audio."""
    left: bool = False
    """The session is not this socket's any more: another one has taken it over, or its end is being noted."""
    ended: bool = False
    """The client's goodbye was acknowledged."""
    token: str = ""
    """Digest of the token it may be resumed with; empty for a client that does not resume."""
    epoch: str = ""
    begins_at: tuple[int, int] = (0, 0)
    """Chunk, and byte in it, at which the audio of this socket begins; what is sent of before was heard."""
    audio_from: tuple[int, int] = (0, 0)
    """Chunk, and byte in it, up to which audio became utterances."""
    turn: int = 1
    """How many sockets have held the session, this one included."""
    given: dict[str, int] = field(default_factory=dict)
    """Language to the next order number, as far as the ledger has answered."""
    delivered: dict[str, int] = field(default_factory=dict)
    """Language to the order number of the next result to be sent."""
    noted_index: int = 0
    """Utterance index that the ledger knows the session goes on with."""
    noted_audio: tuple[int, int] = (0, 0)
    """Chunk, and byte in it, that goes with it."""
    closing: bool = False
    """The client said goodbye; it is acknowledged when nothing runs any more."""

    room: str = ""
    """Code of the room it is in, empty for none."""
    room_version: str = ""
    """Version of the list of members it was sent last."""
    room_touched_s: float = 0.0
    """When the ledger was last told that it is held here, on the monotonic clock."""

    @property
    def tenant(self) -> str:
        """Whose session it is, as limits and usage go by; empty where the client states none."""
        return tenant_name(self.init.tenant_id)

    @property
    def in_flight(self) -> int:
        """Utterances that were accepted and not answered yet."""
        return len(set(self.running.values()))

    def jobs_of(self, index: int) -> list[str]:
        """Give the jobs of an utterance that have not ended, as far as is known here."""
        self.jobs = {key: job for key, job in self.jobs.items() if key in self.running}
        return [job for key, job in self.jobs.items() if self.running[key] == index]

    @property
    def resumable(self) -> bool:
        """Whether the session outlives its socket."""
        return bool(self.token)

    def offer(self, text: str) -> None:
        """Queue a frame that a client which reads too slowly does without."""
        with suppress(ConnectionClosed):
            self.connection.offer(text)

    def send(self, text: str | SharedText) -> bool:
        """Queue a frame; False when the socket is gone."""
        try:
            self.connection.send(text)
        except ConnectionClosed:
            return False
        return True
