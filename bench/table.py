"""The rows of ``make bench``: what each must be, where we mean to be, and which lever is next."""

from dataclasses import dataclass
from typing import Any, Literal

from bench.book import Book

Verdict = Literal["goal", "must", "missed", "not measured"]


@dataclass(frozen=True)
class Row:
    """One measure. `must` is the floor, or the ceiling where less is better."""

    name: str
    """Its key in the results."""
    measure: str
    better: Literal["more", "less"]
    must: float
    goal: float
    unit: str = ""
    """Empty for a ratio or a number."""
    lever: str = ""
    """What would be done next where it is short of its goal."""
    limit: str = ""
    """Key of what a path reaches that keeps our records and decides nothing (`bench.laden`)."""

    def verdict(self, value: float | None) -> Verdict:
        """Judge a value by the bounds as they stand: none is rounded in its favour."""
        if value is None:
            return "not measured"
        if self._meets(value, self.goal):
            return "goal"
        return "must" if self._meets(value, self.must) else "missed"

    def _meets(self, value: float, bound: float) -> bool:
        return value >= bound if self.better == "more" else value <= bound


_SCRIPT = "fewer commands in the script that the parts of the time name"
#: Submit to assigned of such a path at the same load: mostly waits for a core.
_WAITS = "limit_assign_p99_ms"
_PATH = "the profile's largest part of docs/performance.md"

ROWS = (
    Row(
        "roundtrip_vs_celery", "utterances/s ÷ best plain Celery round trips/s", "more", 5, 8,
        lever=_PATH, limit="limit_vs_celery",
    ),
    Row(
        "roundtrip_vs_bullmq", "utterances/s ÷ BullMQ, 200 in flight", "more", 0.9, 1.2,
        lever=_PATH, limit="limit_vs_bullmq",
    ),
    Row("roundtrip_vs_bare", "utterances/s ÷ the bare path", "more", 0.6, 0.8, "", _PATH, "limit_bare_share"),
    Row(
        "roundtrip_20k_vs_bare", "the same with 20 KB of audio", "more", 0.6, 0.8,
        lever="copies of the audio on its way", limit="limit_bare_20k_share",
    ),
    Row(
        "latency_vs_celery", "p50 one at a time ÷ Celery's delay().get()", "less", 1.4, 1,
        lever="the publish and the worker's first look at its outbox", limit="limit_latency_vs_celery",
    ),
    Row(
        "heartbeats_vs_bare", "heartbeats/s ÷ flask-sock with an EVALSHA each", "more", 0.8, 1.2,
        lever="comparing capabilities as bytes before validating them",
    ),
    Row("register_p99_ms", "register, p99 at half load", "less", 10, 5, "ms", _SCRIPT, _WAITS),
    Row("heartbeat_p99_ms", "heartbeat, p99 at half load", "less", 3, 1, "ms", _SCRIPT, _WAITS),
    Row("create_p99_ms", "create, p99 at half load", "less", 5, 3, "ms", _SCRIPT, _WAITS),
    Row("complete_p99_ms", "complete, p99 at half load", "less", 5, 3, "ms", _SCRIPT, _WAITS),
    Row(
        "assign_p99_ms", "submit to assigned with a free slot, p99 at half load", "less", 15, 5, "ms",
        _PATH, _WAITS,
    ),
    Row("next_job_p99_ms", "freed slot to next job, p99", "less", 10, 3, "ms", _PATH, _WAITS),
    *(
        Row(f"round_trips_{flow}", f"Redis round trips: {flow}", "less", 1, 1, lever="one script")
        for flow in ("register", "heartbeat", "create", "dispatch", "complete")
    ),
    Row(
        "reserve_100k_vs_100", "reserve, 100,000 nodes ÷ 100 (server time)", "less", 1.2, 1.05,
        lever="smaller records: a miss of the processor's cache is what is left",
    ),
    Row(
        "waiting_100k_vs_100", "reserve, 100,000 waiting jobs ÷ 100", "less", 1.2, 1.05,
        lever="the rank of the waiting job by its score, not its place",
    ),
    Row(
        "idle_connection_kb", "idle connection memory, 10,000 connections", "less", 55, 45, "KB",
        "one greenlet a socket less; smaller stacks",
    ),
    Row(
        "accepts_per_s", "accepts per second up to the ack", "more", 700, 1000, "/s",
        "the handshake without the second parser; flask's request context",
    ),
    Row(
        "speaking_sessions", "pcm16 sessions in real time, p99 delay ≤ 250 ms", "more", 400, 1000, "",
        "bodies on a server of their own without persistence (PAYLOAD_URL)",
    ),
    Row(
        "longest_script_ms", "longest script of all these (SLOWLOG)", "less", 2, 1, "ms",
        "none while scripts without a decision take as long: then it is the kernel's turn that is measured",
        "longest_limit_script_ms",
    ),
    Row(
        "cpu_2_vs_1", "CPU per utterance, 2 web + 2 workers ÷ 1 + 1", "less", 1.2, 1.1,
        lever="batches: each of two processes finds half as much to do at once",
    ),
)  # fmt: skip

RATIOS = tuple(row.name for row in ROWS if "_vs_" in row.name)


def rows(book: Book) -> list[dict[str, Any]]:
    """Give each row with what was measured."""
    return [_row(row, book) for row in ROWS]


def ratios(book: Book) -> dict[str, float]:
    """Give the ratios that were measured, by name."""
    values = {name: book.value(name) for name in RATIOS}
    return {name: round(value, 3) for name, value in values.items() if value is not None}


def text(book: Book) -> str:
    """Give the table to print."""
    lines = [f"{'measure':54} {'value':>10} {'spread':>19} {'must':>8} {'goal':>8}  verdict"]
    for row in ROWS:
        value, spread = book.value(row.name), book.spread(row.name)
        verdict = row.verdict(value)
        between = f"{_figure(spread[0])} - {_figure(spread[1])}" if spread else "-"
        sign = "≥" if row.better == "more" else "≤"
        lines.append(
            f"{row.measure:54} {_figure(value) + (' ' + row.unit if row.unit else ''):>10} {between:>19} "
            f"{sign + f'{row.must:g}':>8} {sign + f'{row.goal:g}':>8}  {_words(verdict)}"
        )
        if verdict in ("must", "missed"):
            limit = book.value(row.limit)
            known = f"; the limit measured here: {_figure(limit)}" if limit is not None else ""
            lines.append(f"{'':54}   next: {row.lever}{known}")
    return "\n".join(lines)


def _words(verdict: Verdict) -> str:
    return {"goal": "goal met", "must": "must met", "missed": "MISSED"}.get(verdict, verdict)


def _row(row: Row, book: Book) -> dict[str, Any]:
    value = book.value(row.name)
    verdict = row.verdict(value)
    short = verdict in ("must", "missed")
    return {
        "name": row.name, "measure": row.measure, "value": value, "unit": row.unit,
        "spread": book.spread(row.name), "runs": book.runs.get(row.name, []), "better": row.better,
        "must": row.must, "goal": row.goal, "verdict": verdict, "next": row.lever if short else "",
        "limit": book.value(row.limit),
    }  # fmt: skip


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
