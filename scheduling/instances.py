"""What each web process says of itself, once a second: the rest of the cell reads it in one go."""

from collections.abc import Sequence

from pydantic import Field

from scheduling.ledger.cell import Cell, text
from scheduling.messages import ErrorCode, HardwareInfo, ResourceUsage
from scheduling.messages.base import WireModel
from scheduling.store.base import Parts

#: Codes of what is refused because there are too few slots.
OVERLOADED = (ErrorCode.NODE_OVERLOADED, ErrorCode.NO_AVAILABLE_NODE)
#: A record is kept this long after the process was heard last, ms.
_KEPT_MS = 60_000
#: Processes looked at; those heard last come first.
MOST = 200


class Usage(WireModel):
    """How often a language is spoken and heard in open sessions."""

    as_source: int = 0
    as_target: int = 0


class Power(WireModel):
    """What nodes have left to give below the limits of 50 % CPU, 75 % GPU and 75 % memory."""

    cpu: float = 0
    """Cores."""
    gpu: float = 0
    """GB of GPU memory."""
    memory: float = 0
    """GB."""


def power_left(hardware: HardwareInfo, usage: ResourceUsage) -> Power:
    """Give what a node of this hardware has left."""
    return Power(
        cpu=_left(50, usage.cpu_percent, hardware.cpu_cores),
        gpu=_left(75, usage.gpu_percent or 0, sum(gpu.memory_gb for gpu in hardware.gpus or ())),
        memory=_left(75, usage.mem_percent, hardware.memory_gb),
    )


def _left(limit: float, percent: float, capacity: float) -> float:
    return max(0.0, limit - percent) * capacity / 100


class Instance(WireModel):
    """One web process: who it is, and sums over the peers it holds."""

    instance_id: str
    hostname: str
    pid: int
    version: str
    started_at_ms: int
    generation: int = 0
    """Another one after it was declared dead and came back."""
    leaving: bool = False
    """It is about to end, and sends its peers elsewhere."""
    sessions: int = 0
    nodes: int = 0
    languages: dict[str, Usage] = Field(default_factory=dict)
    """``auto`` is not counted."""
    services: dict[str, int] = Field(default_factory=dict)
    """Nodes by service that is ready."""
    services_in_use: dict[str, int] = Field(default_factory=dict)
    """The same for nodes that work on something."""
    power: Power = Power()
    busy: float = 0
    """Share of one core that it used over the last seconds."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Utterances refused since its start, by error code."""


def announce(
    cell: Cell, instance: Instance, refused: int, overloaded: int = 0, also: Sequence[Parts] = ()
) -> None:
    """Write an instance's record, and add its newly refused utterances to the totals. Raises `StoreError`.

    ``overloaded`` of them more slots would have served. Other commands go along in the same round trip.
    """
    key = cell.keys.instance(instance.instance_id)
    commands: list[Parts] = [("SET", key, instance.model_dump_json(), "PX", _KEPT_MS), *also]
    if refused:
        commands.append(("HINCRBY", cell.keys.cell, "n_refused", refused))
    if overloaded:
        commands.append(("HINCRBY", cell.keys.cell, "n_overloaded", overloaded))
    cell.store.commands(commands)


def read_living(cell: Cell) -> list[Instance]:
    """Give the processes heard within ``PRESENCE_MS``, also those about to end. Raises `StoreError`."""
    time = cell.store.command("TIME")
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
    return [one for one, heard_ms in read_instances(cell) if now_ms - heard_ms < cell.settings.presence_ms]


def read_instances(cell: Cell) -> list[tuple[Instance, int]]:
    """Give the processes and when each was heard last (ms), the latest first. Raises `StoreError`."""
    found = cell.store.command("ZRANGE", cell.keys.instances, 0, MOST - 1, "REV", "WITHSCORES")
    names = [text(name) for name in found[::2]]
    if not names:
        return []
    records = cell.store.command("MGET", *(cell.keys.instance(name) for name in names))
    return [
        (Instance.model_validate_json(data), int(float(heard)))
        for data, heard in zip(records, found[1::2], strict=True)
        if data
    ]
