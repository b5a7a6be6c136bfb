"""Who may wait: the wait of a job as somebody outside would reckon it from what the ledger holds."""

from math import ceil, inf

from scheduling.ledger import Placement
from tests.lua.dump import Dump
from tests.lua.model import JobModel, Model

#: Short, so that a dozen jobs are too many now and then.
ADMIT_WAIT_MS, STANDING_WAIT_MS = 4000, 1000
_GUESS_MS, _STANDING, _MODEST, _FEW = 2000.0, 32, 4, 8


def pace(model: Model, requirement: str, found: Dump) -> float:
    """Jobs a ms that the pools of a requirement do."""
    noted = found.hash("pace")
    return sum(
        int(noted.get(f"slots:{pool}", 0)) / max(1.0, float(noted.get(f"work:{pool}", _GUESS_MS)))
        for pool in model.links.get(requirement, ())
    )


def ahead(model: Model, requirement: str, rank: float, found: Dump) -> int:
    """Jobs of lower rank that wait for any of its pools."""
    pools = model.links[requirement]
    rivals = [name for name, of in model.links.items() if of & pools]
    return sum(each < rank for name in rivals for each in found.scores(f"waiting:{name}").values())


def check_admitted(model: Model, placed: Placement, requirement: str, found: Dump) -> None:
    """Fail if a job was let in to wait that should have been refused, or was told another wait."""
    record = found.hash(f"job:{placed.job_id}")
    if placed.state != "waiting":
        assert placed.wait_ms == 0
        return
    speed = pace(model, requirement, found)
    if speed == 0:
        return
    before = ahead(model, requirement, float(record["rank"]), found)
    assert placed.wait_ms == ceil((before + 1) / speed)
    assert before == 0 or placed.wait_ms <= ADMIT_WAIT_MS


def check_refused(model: Model, job: JobModel, tenant: str, wait_ms: int, former: Dump, found: Dump) -> None:
    """Fail if a job was refused beside a free slot, or with little to wait for."""
    idle = [node.name for node in model.nodes.values() if _takes(model, node.name, job, found)]
    assert not idle, f"{job.name} was refused beside {idle}"
    speed = pace(model, job.requirement, found)
    if speed == 0:
        assert ahead(model, job.requirement, inf, found) >= _FEW
        return
    assert wait_ms == ceil(round(wait_ms * speed) / speed)
    assert 1 < round(wait_ms * speed) <= ahead(model, job.requirement, inf, found) + 1
    noted = [former.hash("pace").get(f"refused:{pool}", "0") for pool in model.links[job.requirement]]
    stands = model.now - max(map(int, noted)) < _STANDING / speed
    modest = 1 if int(found.hash("fair").get(f"n:{tenant}", 0)) else _MODEST
    assert wait_ms > (min(ADMIT_WAIT_MS, STANDING_WAIT_MS * modest) if stands else ADMIT_WAIT_MS)


def _takes(model: Model, name: str, job: JobModel, found: Dump) -> bool:
    node, record = model.nodes[name], found.hash(f"node:{name}")
    free = node.slots - node.held - len(found.scores(f"leases:{name}"))
    fit = record["why"] == "" and not node.unfit(model.now)
    return fit and model.serves(node, job) and free >= job.cost
