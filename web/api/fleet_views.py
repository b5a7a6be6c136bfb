"""What the reads of the whole fleet look like. Times are ms since 1970 unless said."""

from enum import StrEnum

from scheduling.explain.views import Node, View
from scheduling.instances import Power, Usage


class Pair(View):
    """A source and a target language that some node takes from speech to speech."""

    src: str
    tgt: str


class Languages(View):
    """What can be asked for now."""

    pairs: list[Pair]
    """1000 at most, sorted."""
    pair_count: int
    languages: list[str]
    services: dict[str, list[str]]
    """Languages by service: asr, nmt, tts, semantic."""


class ComputePower(View):
    """What the connected nodes have left below 50 % CPU, 75 % GPU and 75 % memory: cores and GB."""

    total_cpu_power: float
    total_gpu_power: float
    total_memory_power: float

    @classmethod
    def of(cls, power: Power) -> "ComputePower":
        """Name the sums as the stats have them."""
        return cls(total_cpu_power=power.cpu, total_gpu_power=power.gpu, total_memory_power=power.memory)


class FleetNodes(View):
    """Connected nodes, counted."""

    online: int
    ready: int
    by_status: dict[str, int]
    type_node_counts: dict[str, int]
    """Nodes by service that is ready."""
    type_in_use_counts: dict[str, int]
    """Nodes by service that is ready, among those that work on something."""
    compute_power: ComputePower
    pools: int


class SlotTotals(View):
    """Slots of connected nodes."""

    total: int
    used: int


class LanguageCount(View):
    """A language of open sessions."""

    language: str
    count: int


class WebClients(View):
    """Open sessions and what they speak; ``auto`` is not counted."""

    active_users: int
    top_languages: list[LanguageCount]
    """10 at most."""
    language_usage: dict[str, Usage]


class Latency(View):
    """Durations, ms."""

    count: int
    p50: float | None
    p99: float | None


class Stats(View):
    """The fleet in numbers."""

    now_ms: int
    nodes: FleetNodes
    slots: SlotTotals
    waiting: int
    sessions: int
    rooms: int
    dead: int
    """Dead letters now."""
    jobs: dict[str, int]
    """Since the cell was opened: reserved, waited, retried, done, failed, cancelled, refused, dead."""
    rates: dict[str, float]
    """The same per second, over the last 10 s."""
    latency_ms: dict[str, Latency]
    """``job``: from placed to result, in the whole cell, over the last 10 s; the others are flows inside
    the process that answers, since its start."""
    web_clients: WebClients
    available_services: list[dict[str, object]]
    """Catalogue of the model hub, when there is one."""
    total_services: int


class InstanceState(StrEnum):
    """How a web process is."""

    LIVING = "living"
    SILENT = "silent"
    """Not heard for ``PRESENCE_MS``: its nodes get no new work. It is gone after ``INSTANCE_DEAD_MS``."""
    LEAVING = "leaving"
    """It ends, and has sent its peers elsewhere."""


class InstanceView(View):
    """One web process."""

    instance_id: str
    hostname: str
    pid: int
    version: str
    started_at_ms: int
    generation: int
    """Another one after it was declared dead and came back."""
    state: InstanceState
    uptime_seconds: int
    is_online: bool
    inbox_length: int
    nodes_owned: int
    sessions_owned: int


class ServiceState(View):
    """A service of a node."""

    service_type: str
    ready: bool


class ClusterNode(View):
    """A node with its use, %."""

    node: Node
    platform: str
    version: str
    cpu_usage: float | None
    gpu_usage: float | None
    memory_usage: float | None
    cpu_power: float
    gpu_power: float
    memory_power: float
    last_heartbeat: int
    capabilities: list[ServiceState]
    asr: list[str]
    tts: list[str]


class Cluster(View):
    """The processes, and a page of the nodes."""

    now_ms: int
    instances: list[InstanceView]
    """200 at most, the last heard first."""
    total_instances: int
    online_instances: int
    lost_instances: int
    """Processes declared dead since the cell was opened."""
    total_nodes: int
    online_nodes: int
    ready_nodes: int
    total_sessions: int
    total_pending: int
    """Entries in all inboxes."""
    nodes: list[ClusterNode]
    next_cursor: str | None
    """Send it as ``cursor`` for the next page of nodes."""
