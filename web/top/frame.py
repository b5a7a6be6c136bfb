"""Drawing one frame: fits the terminal, says everything in words, so that it can be read without colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from web.command.operator_text import count, plain, span
from web.top.snapshot import Body, Snapshot

#: Styles that can be read on dark and on light ground alike; words say the same.
_GOOD, _BAD, _HEAD = "green", "bold red", "bold"
_BAR = 16
#: From so many columns on node ids are shown longer.
_WIDE = 110
#: Below so many they are shown shorter, and columns without which one can do are left out.
_NARROW = 80
_RATES = ("reserved", "done", "retried", "failed", "refused")

Row = Sequence[str | Text]


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the nodes, and the key that chooses it."""

    key: str
    name: str
    by: Callable[[Body], tuple[object, ...]]


def _node(item: Body) -> Body:
    node: Body = item["node"]
    return node


SORTS = (
    Sort("n", "name", lambda item: (_node(item)["node_id"],)),
    Sort("u", "used", lambda item: (-_node(item)["slots"]["used"], _node(item)["node_id"])),
    Sort("c", "cpu", lambda item: (-(item["cpu_usage"] or 0), _node(item)["node_id"])),
    Sort("h", "heard", lambda item: (_node(item)["seen_ms"], _node(item)["node_id"])),
    Sort("w", "why", lambda item: (not _node(item)["why"], _node(item)["why"], _node(item)["node_id"])),
)


@dataclass(frozen=True, slots=True)
class View:
    """How a frame is to look."""

    width: int = 80
    height: int = 24
    sort: Sort = SORTS[0]
    interval_s: float = 2.0
    keys: bool = True
    """Whether keys are listened to; else the foot does not name them."""
    trouble: str = ""
    """Why what is shown is not of now."""


@dataclass(frozen=True, slots=True)
class _Section:
    heads: tuple[str, ...]
    rows: list[Row]
    total: int
    right: frozenset[int] = frozenset()
    """Columns of numbers."""
    spare: frozenset[int] = frozenset()
    """Columns that narrow terminals do without."""


def draw(shown: Snapshot, url: str, view: View) -> Group:
    """Draw what was read, no more lines than the terminal has."""
    lines = [_first(shown, url), _slots(shown), _rates(shown), _spoken(shown)]
    if view.trouble:
        lines.append(Text(plain(view.trouble), style=_BAD, no_wrap=True, overflow="ellipsis"))
    head = [part for line in lines for part in _folded(line, view.width)]
    foot = _folded(_foot(view), view.width) if view.keys else []
    sections = [_nodes(shown, view), _waiting(shown), _pools(shown), _web(shown)]
    sections = [section for section in sections if section.rows]
    room = view.height - len(head) - max(1, len(foot)) - 2 * len(sections)  # a blank line and heads for each
    parts: list[RenderableType] = list(head)
    for section, rows in zip(sections, _share(room, [len(one.rows) for one in sections]), strict=True):
        if rows:
            parts += ["", _table(section, rows, view)]
    return Group(*parts, *foot)


def _folded(line: Text, width: int) -> list[Text]:
    """Break a line that is too long between its parts, which two spaces or a comma divide."""
    parts = []
    while line.cell_len > width:
        at = max(line.plain.rfind("  ", 1, width), line.plain.rfind(", ", 1, width) + 1)
        if at <= 0:
            break
        part, line = line.divide([at])
        parts.append(part)
        line = line[len(line.plain) - len(line.plain.lstrip()) :]
    return [*parts, line] if line.plain else parts


def _share(room: int, wanted: list[int]) -> list[int]:
    """Deal the lines out in turn; nodes, which come first, get two at a time."""
    given = [0] * len(wanted)
    while room > 0 and given != wanted:
        for at, most in enumerate(wanted):
            more = min(2 if at == 0 else 1, most - given[at], room)
            given[at] += more
            room -= more
    return given


def _table(section: _Section, most: int, view: View) -> Table:
    shown = [at for at in range(len(section.heads)) if view.width >= _NARROW or at not in section.spare]
    table = Table(box=None, pad_edge=False, header_style=_HEAD, padding=(0, 2, 0, 0))
    for at in shown:
        head = section.heads[at]
        cut = f"{head} ({most} of {section.total})" if at == 0 and most < section.total else head
        last = at == shown[-1]
        table.add_column(
            cut,
            justify="right" if at in section.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last else None,
        )
    for row in section.rows[:most]:
        cells = [row[at] for at in shown]
        table.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in cells))
    return table


def _first(shown: Snapshot, url: str) -> Text:
    process, cluster = shown.process, shown.cluster
    at = datetime.fromtimestamp(shown.stats["now_ms"] / 1000, UTC).strftime("%H:%M:%SZ")
    workers = ", ".join(f"{number} {queue}" for queue, number in sorted(process["workers_seen"].items()))
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{plain(url).partition('://')[2]}  {at}  ", style=_HEAD)
    line.append(f"{cluster['online_instances']} web, workers: ")
    line.append(workers or "none heard", style="" if workers else _BAD)
    line.append(", broker ")
    line.append(process["broker"], style=_GOOD if process["broker"] == "ok" else _BAD)
    return line


def _slots(shown: Snapshot) -> Text:
    stats = shown.stats
    used, total = stats["slots"]["used"], stats["slots"]["total"]
    full = round(_BAR * used / total) if total else 0
    others = [f"{n} {status}" for status, n in stats["nodes"]["by_status"].items() if n and status != "ready"]
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"slots {used}/{total} ")
    line.append(f"[{'#' * full}{'.' * (_BAR - full)}]", style=_BAD if total and used >= total else _GOOD)
    line.append("  nodes ")
    line.append(f"{stats['nodes']['ready']} ready", style=_GOOD if stats["nodes"]["ready"] else _BAD)
    line.append("".join(f", {other}" for other in others))
    line.append(f"  waiting {stats['waiting']}", style=_BAD if stats["waiting"] else "")
    return line


def _rates(shown: Snapshot) -> Text:
    rates = shown.stats["rates"]
    line = Text("per s  ", no_wrap=True, overflow="ellipsis")
    for name in _RATES:
        rate = rates.get(name, 0)
        bad = name in ("failed", "refused") and rate > 0
        line.append(f"{name} {rate:.4g}  ", style=_BAD if bad else "")
    return line


def _spoken(shown: Snapshot) -> Text:
    parts = []
    for name in ("job", "create", "complete"):
        found = shown.stats["latency_ms"].get(name)
        if found and found["count"]:
            parts.append(f"{name} {found['p50']:.3g}/{found['p99']:.3g}")
    stats = shown.stats
    line = Text(f"sessions {stats['sessions']}  rooms {stats['rooms']}  ", no_wrap=True, overflow="ellipsis")
    if stats["dead"]:
        line.append(f"{count(stats['dead'], 'dead letter')}  ", style=_BAD)
    line.append(f"ms p50/p99: {'  '.join(parts) or 'nothing done yet'}")
    return line


def _nodes(shown: Snapshot, view: View) -> _Section:
    now_ms = shown.cluster["now_ms"]
    name = 40 if view.width >= _WIDE else 20 if view.width >= _NARROW else 16
    rows: list[Row] = []
    for item in sorted(shown.cluster["nodes"], key=view.sort.by):
        node = _node(item)
        good = node["status"] == "ready" and not node["why"]
        busy = node["why"] == "capacity_exceeded"
        rows.append(
            (
                Text(_short(plain(node["node_id"]), name)),
                Text(node["status"], style=_GOOD if node["status"] == "ready" else _BAD),
                f"{node['slots']['used']}/{node['slots']['most']}",
                _percent(item["cpu_usage"]),
                _percent(item["gpu_usage"]),
                _percent(item["memory_usage"]),
                span(now_ms - node["seen_ms"]),
                Text(plain(node["why"]), style="" if good or busy else _BAD),
            )
        )
    heads = ("NODE", "STATUS", "USED", "CPU", "GPU", "MEM", "HEARD", "NO WORK BECAUSE")
    right, spare = frozenset((2, 3, 4, 5, 6)), frozenset((3, 4, 5))
    return _Section(heads, rows, shown.cluster["total_nodes"], right, spare)


def _waiting(shown: Snapshot) -> _Section:
    rows: list[Row] = [
        (wait.pair, str(wait.jobs), span(wait.longest_ms), wait.why or "see: speech-dispatch explain")
        for wait in shown.waits
    ]
    return _Section(("WAIT FOR", "JOBS", "LONGEST", "NODES NOT, BECAUSE"), rows, len(rows), frozenset((1, 2)))


def _pools(shown: Snapshot) -> _Section:
    rows: list[Row] = [
        (
            pool["pool"],
            pool["kind"],
            str(pool["members"]),
            Text(str(pool["dispatchable"]), style="" if pool["dispatchable"] else _BAD),
            str(pool["waiting"]),
            f"{count(pool['pairs'], 'pair')}: {', '.join(pool['sample_pairs'][:2])}"
            + (" …" if pool["pairs"] > 2 else ""),
        )
        for pool in shown.pools["pools"]
    ]
    heads = ("POOL", "KIND", "NODES", "READY", "WAITING", "SERVES")
    return _Section(heads, rows, shown.pools["total"], frozenset((2, 3, 4)), frozenset((1,)))


def _web(shown: Snapshot) -> _Section:
    rows: list[Row] = [
        (
            one["instance_id"],
            Text(one["state"], style=_GOOD if one["state"] == "living" else _BAD),
            span(one["uptime_seconds"] * 1000),
            str(one["nodes_owned"]),
            str(one["sessions_owned"]),
            str(one["inbox_length"]),
            one["version"],
        )
        for one in sorted(shown.cluster["instances"], key=lambda one: str(one["instance_id"]))
    ]
    heads = ("WEB PROCESS", "STATE", "UP", "NODES", "SESSIONS", "INBOX", "VERSION")
    return _Section(heads, rows, shown.cluster["total_instances"], frozenset((2, 3, 4, 5)), frozenset((5, 6)))


def _foot(view: View) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis", style=_HEAD)
    line.append("q quit  nodes by: ")
    for sort in SORTS:
        marked = f"[{sort.key}]{sort.name[1:]}"
        line.append(f"{marked}{'*' if sort is view.sort else ''} ")
    line.append(f" every {view.interval_s:g} s")
    return line


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}%"


def sorted_by(view: View, key: str) -> View:
    """Give the view with the order that a key stands for; any other key changes nothing."""
    return replace(view, sort=next((sort for sort in SORTS if sort.key == key), view.sort))
