"""What stands in the ledger: its layout and limits, the processes that are heard, the nodes."""

from collections import Counter

from scheduling.instances import read_instances
from scheduling.keys import SCHEMA
from scheduling.ledger.cell import Cell, text
from scheduling.settings import SCRIPT_LIMITS, Settings
from scheduling.totals import Totals, read_totals
from scheduling.workers import read_beats, read_workers
from tasks.names import CONTROL, DRAIN
from web.doctor.finding import Finding, Findings, failed, ok, warning

_MOST_NAMED = 4


def look_at_fleet(cell: Cell) -> Findings:
    """Look at the cell of the settings. Raises `StoreError`."""
    layout = _layout(cell)
    yield layout
    if layout.level != "ok":
        return  # what stands there cannot be read, or is not there
    yield _limits(cell)
    totals = read_totals(cell)
    yield _instances(cell, totals.now_ms)
    workers = read_workers(cell, totals.now_ms)
    yield from (_worker(queue, workers.get(queue, 0)) for queue in (CONTROL, DRAIN))
    yield _beat(read_beats(cell, totals.now_ms))
    yield _nodes(totals)
    if totals.dead:
        said = f"{totals.dead} dead letters: jobs that took their nodes with them."
        yield warning("dead-letters", said, "Look at them: speech-dispatch dead list")


def _layout(cell: Cell) -> Finding:
    found = text(cell.store.command("HGET", cell.keys.cell, "schema"))
    name = f"Cell {cell.settings.cell!r}"
    if not found:
        return failed(
            "cell",
            f"{name} was never opened: no web process has used this Redis yet.",
            "Start one (speech-dispatch web), or see that REDIS_URL and CELL are those of the others.",
        )
    if found != SCHEMA:
        return failed(
            "cell",
            f"{name} has key layout {found}, this version knows {SCHEMA}.",
            "Run the version that the fleet runs; changing over is in docs/operations.md.",
        )
    return ok("cell", f"{name} has key layout {found}, as this version.")


def _limits(cell: Cell) -> Finding:
    """Compare the limits in force with those of this environment: all processes should have the same."""
    values = cell.store.command("HMGET", cell.keys.cell, *SCRIPT_LIMITS)
    other = [
        f"{name.upper()} {text(value)} (here {_shown(cell.settings, name)})"
        for name, value in zip(SCRIPT_LIMITS, values, strict=True)
        if value is not None and text(value) != _shown(cell.settings, name)
    ]
    if not other:
        return ok("limits", "The limits in force are those of this environment.")
    shown = ", ".join(other[:_MOST_NAMED]) + (", …" if len(other) > _MOST_NAMED else "")
    return warning(
        "limits",
        f"The web process that started last set {shown}.",
        "Give all processes, and this command, the same environment.",
    )


def _shown(settings: Settings, name: str) -> str:
    return str(getattr(settings, name))


def _instances(cell: Cell, now_ms: int) -> Finding:
    heard = read_instances(cell)
    living = [one for one, at_ms in heard if now_ms - at_ms < cell.settings.presence_ms]
    silent = [one.instance_id for one, at_ms in heard if now_ms - at_ms >= cell.settings.presence_ms]
    versions = Counter(one.version for one in living)
    if not living:
        return failed("web", "No web process is heard.", "Start one: speech-dispatch web")
    says = (
        f"{len(living)} heard, {sum(one.sessions for one in living)} sessions, version {', '.join(versions)}"
    )
    if len(versions) > 1:
        return warning("web", f"{says}.", "Finish the deploy: several versions run.")
    if silent:
        return warning(
            "web",
            f"{says}; not any more: {', '.join(silent[:_MOST_NAMED])}.",
            "If they were not stopped just now, look at their logs and machines.",
        )
    return ok("web", f"{says}.")


def _worker(queue: str, count: int) -> Finding:
    if not count:
        return warning(
            f"worker-{queue}",
            f"No worker of the queue {queue} is heard; web processes do its part, a little later.",
            "Start one: speech-dispatch worker. If it runs, see whether it has its broker.",
        )
    return ok(f"worker-{queue}", f"{count} heard within 10 s.")


def _beat(beats: dict[str, int]) -> Finding:
    if not beats:
        return warning(
            "beat",
            "No beat is heard; a pool file that changed is not read, and pools are not pruned.",
            "Start one: speech-dispatch beat",
        )
    return ok("beat", f"{len(beats)} heard, the last {min(beats.values()) / 1000:.1f} s ago.")


def _nodes(totals: Totals) -> Finding:
    ready = totals.by_status["ready"]
    slots = f"{totals.slots_used} of {totals.slots} slots used"
    says = f"{ready} of {totals.online} connected nodes ready, {slots}"
    if not totals.online:
        return failed(
            "nodes",
            "No node is connected: every utterance is refused.",
            "Start one: speech-dispatch node --url ws://HOST:5010/ws/node",
        )
    if not ready:
        return failed("nodes", f"{says}.", "See what keeps them: speech-dispatch nodes")
    if totals.waiting:
        return warning(
            "nodes", f"{says}; {totals.waiting} jobs wait.", "See for what: speech-dispatch jobs, top"
        )
    return ok("nodes", f"{says}.")
