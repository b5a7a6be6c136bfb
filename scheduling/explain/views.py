"""What the explanations look like: the bodies of the HTTP API. Times are ms since 1970 unless said."""

from pydantic import BaseModel, ConfigDict

from scheduling.explain.words import reason


class View(BaseModel):
    """Base of all: immutable, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Excluded(View):
    """Nodes that one reason keeps from a job."""

    reason: str
    nodes: int
    sample: list[str]
    """Ids of 5 of them at most."""
    meaning: str
    advice: str

    @classmethod
    def of(cls, word: str, nodes: int, sample: list[str]) -> "Excluded":
        """Put a word's meaning and advice to its count."""
        return cls(
            reason=word, nodes=nodes, sample=sample, meaning=reason(word).meaning, advice=reason(word).advice
        )


class ConsideredPool(View):
    """A pool that serves a requirement; they are listed in order of preference."""

    pool: str
    kind: str
    """class | configured | requirement | node"""
    members: int
    dispatchable: int
    """Nodes that would be given work now."""


class Requirement(View):
    """What a job needs of a node."""

    requirement_id: str
    words: str
    """Its languages, such as ``en→pt``."""
    services: list[str]
    tenant: str | None
    auto_langs: list[str]
    slots: int
    """Of one node, which it takes at once."""


class Queue(View):
    """Jobs that wait."""

    waiting: int
    """For this requirement."""
    waiting_in_cell: int
    most: int
    """So many may wait in the cell."""
    estimate_ms: int | None
    """Until a job that came now would be placed; None while the queue has shown no pace."""


class PairExplanation(View):
    """Who could do a job of this requirement, and what keeps the others."""

    requirement: Requirement
    outcome: str
    """placed | waits | refused: what would become of a job that came now."""
    sentence: str
    node: str | None
    """The node it would go to."""
    pools: list[ConsideredPool]
    excluded: list[Excluded]
    queue: Queue


class Attempt(View):
    """One try of a job on a node."""

    attempt: int
    node: str
    outcome: str
    """done | failed | retried, or the stage it is in, or cancelled."""


class Stage(View):
    """A stage of a job, with the time since it was created."""

    stage: str
    at_ms: int
    after_ms: int


class Job(View):
    """One job."""

    job_id: str
    state: str
    """waiting | assigned | dispatched | accepted | started | done | failed | cancelled"""
    session_id: str
    pair: str
    order: int
    attempt: int
    node: str | None
    created_ms: int
    deadline_ms: int
    ended_ms: int | None
    code: str | None
    message: str | None


class Waiting(View):
    """How a job waits."""

    position: int
    """From 1, among the jobs of its requirement."""
    ahead: int
    since_ms: int
    until_ms: int
    """Then it is given up."""
    estimate_ms: int | None
    avoids: list[str]
    """Nodes it was on, which it avoids as long as there are others."""


class JobExplanation(View):
    """Where a job stands, and why."""

    now_ms: int
    sentence: str
    job: Job
    attempts: list[Attempt]
    stages: list[Stage]
    waiting: Waiting | None
    pair: PairExplanation | None
    """What the nodes lack; None once it has ended and its requirement is forgotten."""


class Slots(View):
    """A node's slots; ``held`` are those it says are in use by others than us."""

    most: int
    used: int
    held: int
    free: int


class Node(View):
    """One node as a list shows it."""

    node_id: str
    status: str
    why: str
    """What keeps work away, one word; empty when nothing does."""
    reason: str
    """Of its last change of status, in words."""
    slots: Slots
    pools: int
    pairs: int
    """Language pairs it serves from speech to speech."""
    seen_ms: int
    registered_ms: int
    instance: str
    private: bool
    tier: str
    """Trust tier of its credential; empty for none."""


class Hindrance(View):
    """Something that keeps work away from a node."""

    reason: str
    says: str
    advice: str


class Serves(View):
    """What a node may be given."""

    services: list[str]
    asr: list[str]
    tts: list[str]
    semantic: list[str]
    pairs: list[str]
    """50 at most, such as ``en→pt``."""
    pair_count: int
    tenant: str | None
    """None for everybody."""


class Counters(View):
    """What a node has done since it is known; attempts."""

    given: int
    done: int
    failed: int
    retried: int


class NodePool(View):
    """A pool the node stands in."""

    pool: str
    kind: str
    members: int
    dispatchable: int
    waiting: int
    """Jobs that wait for it; counted over 8 requirements at most."""


class NodeExplanation(View):
    """What a node may do, does, and what keeps work away."""

    now_ms: int
    sentence: str
    node: Node
    serves: Serves
    hindrances: list[Hindrance]
    counters: Counters
    pools: list[NodePool]
    waiting: int
    """Jobs that wait for one of its pools."""


class Pool(View):
    """One pool."""

    pool: str
    kind: str
    services: list[str]
    pairs: int
    sample_pairs: list[str]
    tenant: str | None
    members: int
    dispatchable: int
    excluded: dict[str, int]
    """Nodes by what keeps work from them."""
    waiting: int
    """Requirements with jobs that wait for it."""


class NodePage(View):
    """Connected nodes, the longest silent first."""

    now_ms: int
    nodes: list[Node]
    total: int
    next_cursor: str | None


class PoolPage(View):
    """Pools, those with most nodes first."""

    version: int
    pools: list[Pool]
    total: int


class DeadAttempt(View):
    """One try of a dead job."""

    attempt: int
    node: str
    how: str
    """lost | forgotten | unanswered | no_progress: the node did not survive it; unreached | declined |
    withdrawn | out_of_time: it says nothing."""
    ended_ms: int


class DeadLetter(View):
    """A job that took its nodes with it; never what was said in it."""

    job_id: str
    sentence: str
    killed: list[str]
    """Nodes that did not survive it."""
    session_id: str
    tenant: str | None
    pair: str
    created_ms: int
    died_ms: int
    forgotten_ms: int
    """Then it is dropped by itself."""
    code: str
    message: str
    """What its client was told."""
    attempts: list[DeadAttempt]
    audio_bytes: int
    """Of its recording, which a replay needs; 0 when it is not kept."""
    replays: list[str]
    """Jobs it was placed again as, the last 16."""


class DeadPage(View):
    """Dead letters, the newest first."""

    now_ms: int
    dead: list[DeadLetter]
    total: int
    next_cursor: str | None


class Replayed(View):
    """A dead letter was placed again, as a job of its own."""

    job_id: str
    replay: str
    result: str
    """Path of its result: ask it as that of any recording sent over HTTP."""


class JobPage(View):
    """Living jobs, the next deadline first."""

    now_ms: int
    jobs: list[Job]
    waiting: int
    """Jobs that wait in the whole cell."""
    next_cursor: str | None
