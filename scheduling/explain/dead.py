"""Dead letters as operators read them."""

from collections.abc import Sequence

from scheduling.bodies import Bodies
from scheduling.explain import views
from scheduling.explain.paging import next_cursor, read_cursor, scored
from scheduling.explain.reading import number, read_cell, record
from scheduling.ledger import Cell

_FIELDS = (
    "session", "tenant", "pair", "audio", "created_ms", "died_ms", "code", "message", "attempts", "replays",
)  # fmt: skip
#: How an attempt ended that its node did not survive, as `lua/include/dead.lua` has it.
KILLING = frozenset({"lost", "forgotten", "unanswered", "no_progress"})


def dead_page(cell: Cell, bodies: Bodies, limit: int, cursor: str = "") -> views.DeadPage:
    """Give dead letters, the newest first. Raises `BadCursor` and `StoreError`."""
    start, skip = read_cursor(cursor, "+inf")
    now_ms, _ = read_cell(cell)
    oldest = f"({now_ms - cell.settings.dead_ms}"
    index = cell.keys.dead
    found, total = cell.store.commands(
        [
            ("ZRANGE", index, start, oldest, "BYSCORE", "REV", "LIMIT", skip, limit + 1, "WITHSCORES"),
            ("ZCOUNT", index, oldest, "+inf"),
        ]
    )
    entries = scored(found)
    page = entries[:limit]
    return views.DeadPage(
        now_ms=now_ms,
        dead=_read(cell, bodies, [job_id for job_id, _ in page]),
        total=total,
        next_cursor=next_cursor(page, start, skip) if len(entries) > limit else None,
    )


def read_dead(cell: Cell, bodies: Bodies, job_id: str) -> views.DeadLetter | None:
    """Read one dead letter; None when there is none of this job. Raises `StoreError`."""
    return next(iter(_read(cell, bodies, [job_id])), None)


def _read(cell: Cell, bodies: Bodies, job_ids: Sequence[str]) -> list[views.DeadLetter]:
    replies = cell.store.commands([("HMGET", cell.keys.dead_letter(job_id), *_FIELDS) for job_id in job_ids])
    records = {job_id: record(_FIELDS, values) for job_id, values in zip(job_ids, replies, strict=True)}
    found = {job_id: fields for job_id, fields in records.items() if fields["died_ms"]}
    sizes = bodies.sizes([fields["audio"] for fields in found.values()])
    forgotten_ms = cell.settings.dead_ms
    return [
        _letter(job_id, fields, size, forgotten_ms)
        for (job_id, fields), size in zip(found.items(), sizes, strict=True)
    ]


def _letter(job_id: str, fields: dict[str, str], size: int, dead_ms: int) -> views.DeadLetter:
    attempts = []
    for at, line in enumerate(fields["attempts"].splitlines(), start=1):
        node, how, ended_ms = line.split()
        attempts.append(views.DeadAttempt(attempt=at, node=node, how=how, ended_ms=int(ended_ms)))
    killed = list(dict.fromkeys(attempt.node for attempt in attempts if attempt.how in KILLING))
    return views.DeadLetter(
        job_id=job_id,
        sentence=f"It killed {len(killed)} node{'s' if len(killed) > 1 else ''}: {', '.join(killed)}.",
        killed=killed,
        session_id=fields["session"],
        tenant=fields["tenant"] or None,
        pair=fields["pair"].replace(" ", "→"),
        created_ms=number(fields["created_ms"]),
        died_ms=number(fields["died_ms"]),
        forgotten_ms=number(fields["died_ms"]) + dead_ms,
        code=fields["code"],
        message=fields["message"],
        attempts=attempts,
        audio_bytes=size,
        replays=fields["replays"].split(),
    )
