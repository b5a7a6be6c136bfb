"""The books notice each of the faults they are kept for."""

from scheduling.simulation.books import Books
from scheduling.simulation.fleet import Fleet
from scheduling.simulation.trace import Trace

FLEET = Fleet(1, (1.0, 1.0), (0b01, 0b11), 2)


def books(pairs: list[int], tenants: list[int] | None = None) -> Books:
    count = len(pairs)
    return Books(FLEET, Trace([float(n) for n in range(count)], [1.0] * count, pairs, tenants or [0] * count))


def test_good_work_leaves_no_fault() -> None:
    kept = books([0, 1, 0])
    kept.starts(0, 0, 0.0)
    kept.starts(1, 1, 1.0)
    kept.waits(2)
    kept.close_event()
    kept.ends(0)
    kept.starts(2, 0, 2.5)
    kept.close_event()
    assert kept.findings.waits == [0.0, 0.0, 0.5]
    assert set(kept.findings.faults.values()) == {0}


def test_a_slot_used_twice_is_noticed() -> None:
    kept = books([0, 0])
    kept.starts(0, 0, 0.0)
    kept.starts(1, 0, 1.0)
    assert kept.findings.over_commit == 1
    kept.ends(0)
    kept.waits(0)
    kept.close_event()
    assert kept.findings.idle_while_waiting == 1  # only node 1 is free: one job still runs on node 0


def test_a_node_that_cannot_do_the_job_is_noticed() -> None:
    kept = books([1])
    kept.starts(0, 0, 0.0)
    assert kept.findings.misplaced == 1


def test_a_wait_beside_a_slot_that_would_do_is_noticed_and_no_other() -> None:
    kept = books([1, 1, 1])
    kept.starts(0, 1, 0.0)
    kept.waits(1)
    kept.close_event()  # node 0 is free, but does not serve the pair
    assert kept.findings.idle_while_waiting == 0
    kept.ends(1)
    kept.close_event()
    assert kept.findings.idle_while_waiting == 1


def test_passing_an_older_job_is_noticed_within_a_tenant_only() -> None:
    kept = books([0, 0, 0], tenants=[0, 1, 1])
    for job in range(3):
        kept.waits(job)
    kept.starts(1, 0, 3.0)
    assert kept.findings.out_of_turn == 0
    kept.waits(1)
    kept.starts(2, 1, 3.0)
    assert kept.findings.out_of_turn == 0  # job 1 came back behind it
    kept = books([0, 0])
    kept.waits(0)
    kept.waits(1)
    kept.starts(1, 0, 3.0)
    assert kept.findings.out_of_turn == 1


def test_a_job_that_never_starts_is_lost() -> None:
    kept = books([0, 0])
    kept.starts(0, 0, 0.0)
    assert kept.findings.lost == 1
