"""What must be true of the ledger: always, and once everything due has been settled."""

from collections import Counter

from scheduling.ledger.nodes import WHY_WORDS
from tests.lua.dump import Dump
from tests.lua.model import JobModel, Model, NodeModel

LOOKS = 8
TURN_SPAN = 2**40


def check_always(model: Model, found: Dump) -> None:
    """Check what no interleaving may break."""
    check_leases(model, found)
    check_one_end_each(model, found)
    check_waiting(model, found)
    check_deadlines(model, found)
    check_pools(model, found)
    check_pace(model, found)
    check_totals(model, found)
    check_holders(model, found)
    check_orders(model)
    check_dead(model, found)


def check_settled(model: Model, found: Dump) -> None:
    """Check what holds when nothing is due any more."""
    for node in model.nodes.values():
        assert not node.lost(model.now), f"{node.name} should be offline"
        assert not node.cold(model.now), f"{node.name} should be degraded"
        why = found.hash(f"node:{node.name}")["why"]
        used = len(found.scores(f"leases:{node.name}"))
        free = _free(node, found) > 0 and not found.hash(f"node:{node.name}")["held_for"]
        expected = node.unfit(model.now, used) or ("" if free else "capacity_exceeded")
        assert why == expected, f"{node.name}: {why!r}, it should be {expected!r}"
    for job in model.jobs.values():
        assert not job.overdue(model.now), f"{job.name} should not be {job.state} any more"
    check_work_conserving(model, found)


def check_leases(model: Model, found: Dump) -> None:
    """Leases and running attempts are the same thing, and never more than the node has slots."""
    for node in model.nodes.values():
        expected = {
            f"{job.name}|{len(job.tried)}|{slot}"
            for job in model.jobs.values()
            if job.running and job.tried[-1] == node.name
            for slot in range(1, job.cost + 1)
        }
        leases = set(found.scores(f"leases:{node.name}"))
        assert leases == expected, f"{node.name}: leases without job {leases - expected}, {expected - leases}"
        # A node that comes back smaller keeps what it runs, so this is asked when it is given work.
        if node.name in model.begun:
            assert len(leases) + node.held <= node.slots, f"{node.name} is over-committed"


def check_one_end_each(model: Model, found: Dump) -> None:
    """Each job that ended is in the outbox once, no other is."""
    shards = found.named("outbox:results")
    told = Counter(entry["job"] for shard in shards for entry in found.entries(f"outbox:results:{shard}"))
    assert told == Counter(job.name for job in model.jobs.values() if job.ended)


def check_waiting(model: Model, found: Dump) -> None:
    """The queue, its heads by pool, and its length agree with the records."""
    waiting = [job for job in model.jobs.values() if job.state == "waiting"]
    ranks = {job.name: float(found.hash(f"job:{job.name}")["rank"]) for job in waiting}
    for requirement, pools in model.links.items():
        queue = {job.name: ranks[job.name] for job in waiting if job.requirement == requirement}
        assert found.scores(f"waiting:{requirement}") == queue
        for pool in pools:
            head = found.scores(f"poolwaiting:{pool}").get(requirement)
            assert head == min(queue.values(), default=None), f"head of {requirement} in {pool}"
    for pool in found.named("poolwaiting"):
        for requirement in found.scores(f"poolwaiting:{pool}"):
            assert pool in model.links[requirement], f"{requirement} waits in {pool}, which it left"
    assert int(found.hash("cell")["waiting"]) == len(waiting)
    fair = found.hash("fair")
    by_tenant = Counter(found.hash(f"job:{job.name}").get("tenant", "") for job in waiting)
    assert {name[2:]: int(n) for name, n in fair.items() if name[:2] == "n:" and int(n)} == dict(by_tenant)
    check_turns(waiting, found)
    check_kept(model, waiting, found)


def check_turns(waiting: list[JobModel], found: Dump) -> None:
    """Within a tenant and class those stand first that asked first; a retried job keeps its place."""
    fresh = [(job, found.hash(f"job:{job.name}")) for job in waiting if not job.tried]
    turns: dict[tuple[str, bool, bool], list[float]] = {}
    for _, record in fresh:  # in the order in which they asked
        start, rank = float(record.get("start", 0)), float(record["rank"]) // 8192
        turns.setdefault((record.get("tenant", ""), rank < start, rank > start), []).append(start)
    for of, starts in turns.items():
        assert starts == sorted(set(starts)), f"{of} are not served in turn"


def check_kept(model: Model, waiting: list[JobModel], found: Dump) -> None:
    """No node is kept for a job that waits no more."""
    names = {job.name for job in waiting}
    for job in waiting:
        hold = found.hash(f"job:{job.name}").get("hold", "")
        assert not hold or hold in model.nodes, f"{job.name} is kept a place by nobody"
    for node in model.nodes.values():
        kept_for = found.hash(f"node:{node.name}")["held_for"]
        due = found.scores("deadlines").get(f"n|{node.name}", float("inf")) <= model.now
        assert not kept_for or kept_for in names or due, f"{node.name} is kept for {kept_for}"


def check_deadlines(model: Model, found: Dump) -> None:
    """Each living job and each node not offline has its one entry; nothing else has."""
    expected = {f"j|{job.name}" for job in model.jobs.values() if not job.ended}
    expected |= {f"n|{node.name}" for node in model.nodes.values() if node.status != "offline"}
    entries = set(found.scores("deadlines"))
    assert {entry for entry in entries if not entry.startswith("r|")} == expected


def check_pools(model: Model, found: Dump) -> None:
    """Members, counters and the order by load agree with the nodes' records."""
    records = {node.name: found.hash(f"node:{node.name}") for node in model.nodes.values()}
    for node in model.nodes.values():
        assert set(records[node.name]["pools"].split()) == node.pools
    for pool in {*found.named("members"), *found.named("pool")}:
        members = {node.name for node in model.nodes.values() if pool in node.pools}
        assert found.members(f"members:{pool}") == members
        reasons = Counter(records[name]["why"] or "dispatchable" for name in members)
        kept_out = {word: found.members(f"poolwhy:{pool}:{word}") for word in WHY_WORDS}
        for word, names in kept_out.items():
            assert names == {name for name in members if records[name]["why"] == word}, f"{word} in {pool}"
        assert sum(reasons.values()) == len(found.scores(f"pool:{pool}")) + sum(map(len, kept_out.values()))
        scores = {name: _score(model.nodes[name], found) for name in members if not records[name]["why"]}
        assert found.scores(f"pool:{pool}") == scores
    for requirement, pools in model.links.items():
        assert found.members(f"reqpools:{requirement}") == pools


def check_pace(model: Model, found: Dump) -> None:
    """Slots at work are counted by pool, and nothing is noted of a pool without any."""
    slots: Counter[str] = Counter()
    for node in model.nodes.values():
        works = found.hash(f"node:{node.name}")["why"] in ("", "capacity_exceeded", "away")
        slots.update(dict.fromkeys(node.pools if works else (), max(0, node.slots - node.held)))
    pace = found.hash("pace")
    counted = {name[6:]: int(count) for name, count in pace.items() if name.startswith("slots:")}
    assert counted == dict(+slots)
    assert {name.partition(":")[2] for name in pace} == set(counted)


def check_totals(model: Model, found: Dump) -> None:
    """The cell's totals are what a count of all nodes and jobs would give."""
    cell = {name: int(value) for name, value in found.hash("cell").items() if value.lstrip("-").isdecimal()}
    online = [node for node in model.nodes.values() if node.status != "offline"]
    by_status = {name[6:]: count for name, count in cell.items() if name.startswith("nodes:") and count}
    assert by_status == Counter(node.status for node in online)
    assert cell.get("slots", 0) == sum(node.slots for node in online)
    used = sum(len(found.scores(f"leases:{node.name}")) for node in online)
    assert cell.get("slots_used", 0) == used
    for state in ("done", "failed", "cancelled"):
        ended = sum(job.state == state for job in model.jobs.values())
        assert cell.get(f"n_{state}", 0) == ended, state


def check_holders(model: Model, found: Dump) -> None:
    """Each node that is not offline stands in the list of its instance, once, and no other does."""
    listed = [
        (instance, node)
        for instance in found.named("instancenodes")
        for node in found.members(f"instancenodes:{instance}")
    ]
    online = [node.name for node in model.nodes.values() if node.status != "offline"]
    assert sorted(listed) == sorted((found.hash(f"node:{name}")["owner"], name) for name in online)


def check_dead(model: Model, found: Dump) -> None:
    """Dead letters are the failed jobs that took two nodes with them and that none answered."""
    killing = {"lost", "forgotten", "unanswered", "no_progress"}
    expected = set()
    for job in model.jobs.values():
        record = found.hash(f"job:{job.name}")
        ends = {at: record.get(f"end{at}", "").partition(" ")[0] for at in range(1, len(job.tried) + 1)}
        known = {word: {at for at, how in ends.items() if how == word} for word in {*ends.values()}}
        assert known.get("answered", set()) | known.get("declined", set()) <= job.answered, job.name
        assert not job.unsent & {at for at, how in ends.items() if how in killing}, job.name
        killed = [at for at, how in ends.items() if how in killing]
        if job.state == "failed" and not job.answered and len(killed) >= 2:
            expected.add(job.name)
    assert {name.partition(":")[2] for name in found.content if name.startswith("dead:")} == expected
    assert set(found.scores("dead")) == expected
    assert int(found.hash("cell").get("n_dead", 0)) == len(expected)


def check_orders(model: Model) -> None:
    """Order numbers are dense per session and language."""
    taken: dict[tuple[str, str], list[int]] = {}
    for job in model.jobs.values():
        taken.setdefault((job.session, job.tgt), []).append(job.order)
    for orders in taken.values():
        assert sorted(orders) == list(range(len(orders)))


def check_work_conserving(model: Model, found: Dump) -> None:
    """No job waits beside a free slot it could use, as far as a script looks."""
    waiting = [job for job in model.jobs.values() if job.state == "waiting"]
    if len(waiting) > LOOKS:
        return
    for job in waiting:
        idle = [node.name for node in model.nodes.values() if _could_take(model, node, job, found)]
        assert not idle, f"{job.name} waits beside {idle}"


def _could_take(model: Model, node: NodeModel, job: JobModel, found: Dump) -> bool:
    used = len(found.scores(f"leases:{node.name}"))
    kept = found.hash(f"node:{node.name}")["held_for"]
    fit = kept in ("", job.name) and not node.unfit(model.now, used) and _free(node, found) >= job.cost
    return fit and model.serves(node, job) and not job.excludes(node.name, model.now)


def _free(node: NodeModel, found: Dump) -> int:
    return node.slots - node.held - len(found.scores(f"leases:{node.name}"))


def _score(node: NodeModel, found: Dump) -> float:
    load = (node.slots - _free(node, found)) * 1000 // node.slots
    return float(load * TURN_SPAN + int(found.hash(f"node:{node.name}")["turn"]))
