"""Where a job stands: its attempts, the times of its stages, and why it waits."""

from collections.abc import Sequence

from scheduling.explain import views
from scheduling.explain.pair import explain_requirement
from scheduling.explain.reading import estimate_ms, number, read_cell, record
from scheduling.ledger import Cell
from scheduling.ledger.codes import UnknownJob
from scheduling.requirement import Requirement

#: What a list shows of a job; never what was said.
JOB_FIELDS = (
    "state", "session", "pair", "order", "attempt", "node", "created_ms", "deadline_ms", "ended_ms", "code",
    "message",
)  # fmt: skip
_MORE = ("requirement", "cost", "tried", "relaxed", "wait_until_ms", "waiting_ms", "dead")
_STAGES = ("created", "assigned", "dispatched", "accepted", "started", "ended")
_TIMES = tuple(f"{stage}_ms" for stage in _STAGES)


def read_job(cell: Cell, job_id: str) -> views.Job:
    """Read one job. Raises `UnknownJob` and `StoreError`."""
    found = record(JOB_FIELDS, cell.store.command("HMGET", cell.keys.job(job_id), *JOB_FIELDS))
    if not found["state"]:
        raise UnknownJob(f"There is no job {job_id}, or it ended long ago.")
    return job_view(job_id, found)


def job_view(job_id: str, found: dict[str, str]) -> views.Job:
    """Put the fields of a record into a view."""
    return views.Job(
        job_id=job_id,
        state=found["state"],
        session_id=found["session"],
        pair=found["pair"].replace(" ", "→"),
        order=number(found["order"]),
        attempt=number(found["attempt"]),
        node=found["node"] or None,
        created_ms=number(found["created_ms"]),
        deadline_ms=number(found["deadline_ms"]),
        ended_ms=number(found["ended_ms"]) or None,
        code=found["code"] or None,
        message=found["message"] or None,
    )


def explain_job(cell: Cell, job_id: str) -> views.JobExplanation:
    """Explain one job. Raises `UnknownJob` and `StoreError`."""
    job = read_job(cell, job_id)
    fields = (*_MORE, *_TIMES, *(f"verdict{attempt}" for attempt in range(1, job.attempt + 1)))
    more = record(fields, cell.store.command("HMGET", cell.keys.job(job_id), *fields))
    now_ms, counters = read_cell(cell)
    requirement = more["requirement"]
    canonical, rank, waiting = cell.store.commands(
        [
            ("HGET", cell.keys.requirements, requirement),
            ("ZRANK", cell.keys.waiting(requirement), job_id),
            ("ZCARD", cell.keys.waiting(requirement)),
        ]
    )
    slots = number(more["cost"], 1)
    asked = Requirement.from_canonical(canonical) if canonical else None
    pair = explain_requirement(cell, asked, slots=slots) if asked else None
    wait = _waiting(job, more, rank, estimate_ms(rank, waiting, counters)) if rank is not None else None
    attempts = _attempts(job, more)
    return views.JobExplanation(
        now_ms=now_ms,
        sentence=_sentence(job, wait, waiting, slots, attempts) + _buried(job, more),
        job=job,
        attempts=attempts,
        stages=_stages(more),
        waiting=wait,
        pair=pair,
    )


def _waiting(job: views.Job, more: dict[str, str], rank: int, estimate: int | None) -> views.Waiting:
    tried = list(dict.fromkeys(more["tried"].split()))
    return views.Waiting(
        position=rank + 1,
        ahead=rank,
        since_ms=number(more["waiting_ms"], job.created_ms),
        until_ms=number(more["wait_until_ms"]),
        estimate_ms=estimate,
        avoids=[] if more["relaxed"] == "1" else tried,
    )


def _attempts(job: views.Job, more: dict[str, str]) -> list[views.Attempt]:
    attempts = []
    for at, node in enumerate(more["tried"].split(), start=1):
        words = more.get(f"verdict{at}", "").split()
        outcome = words[1] if len(words) > 1 else job.state if at == job.attempt else "retried"
        attempts.append(views.Attempt(attempt=at, node=node, outcome=outcome))
    return attempts


def _stages(more: dict[str, str]) -> list[views.Stage]:
    """Give the stages of the last attempt in their order; those of earlier attempts are left out."""
    created, assigned = number(more["created_ms"]), number(more["assigned_ms"])
    found = []
    for stage in _STAGES:
        at_ms = number(more[f"{stage}_ms"])
        if at_ms and (stage == "created" or at_ms >= assigned):
            found.append(views.Stage(stage=stage, at_ms=at_ms, after_ms=at_ms - created))
    return found


def _buried(job: views.Job, more: dict[str, str]) -> str:
    """Say where more is to be read of a job that took its nodes with it."""
    return f" It took its nodes with it: speech-dispatch dead show {job.job_id}" if more["dead"] else ""


def _sentence(
    job: views.Job, wait: views.Waiting | None, waiting: int, slots: int, attempts: Sequence[views.Attempt]
) -> str:
    if wait is not None:
        what = "a free slot" if slots == 1 else f"{slots} free slots of one node"
        return f"It waits for {what}: number {wait.position} of {waiting} for {job.pair}."
    where = f"on node {job.node}" if job.node else "on no node"
    tries = f" (attempt {job.attempt})" if len(attempts) > 1 else ""
    if job.ended_ms is None:
        return f"It runs {where}{tries}: {job.state}."
    if job.state == "done":
        return f"It was translated {where}{tries}."
    return f"It ended without a translation: {job.message or job.code or job.state}"
