"""What is wanted follows what is asked for."""

from scheduling.autoscaling import (
    SLOT_SHARE,
    Load,
    WorkerLoad,
    service_s,
    wanted_slots,
    wanted_web,
    wanted_workers,
)


def test_nothing_asked_for_wants_no_slots_and_one_process_each() -> None:
    assert wanted_slots(Load()) == 0
    assert wanted_web(Load()) == 1
    assert wanted_workers(Load(), "drain") == 1


def test_those_who_wait_want_a_slot_as_well_as_those_at_work() -> None:
    assert wanted_slots(Load(leases=6)) == 6 / SLOT_SHARE
    assert wanted_slots(Load(leases=6, waiting=6)) == 12 / SLOT_SHARE


def test_those_refused_want_a_slot_for_as_long_as_a_job_takes() -> None:
    load = Load(leases=10, done_per_s=5.0, overloaded_per_s=3.0)
    assert service_s(load) == 2.0
    assert wanted_slots(load) == -(-(10 + 3 * 2) // SLOT_SHARE) + 0


def test_refusals_without_any_slot_want_some() -> None:
    assert wanted_slots(Load(overloaded_per_s=1.0)) > 0


def test_web_processes_by_what_they_use_and_by_their_sockets() -> None:
    assert wanted_web(Load(web_busy=[0.9, 0.9])) == 3
    assert wanted_web(Load(sockets=1200, sockets_per_process=1000)) == 2


def test_workers_by_what_they_use_and_by_what_waits_for_them() -> None:
    busy = {"drain": WorkerLoad(processes=2, at_once=4, busy=3.6)}
    assert wanted_workers(Load(workers=busy), "drain") == 3
    idle = {"drain": WorkerLoad(processes=2, at_once=4, busy=0.1)}
    assert wanted_workers(Load(workers=idle), "drain") == 1
    assert wanted_workers(Load(workers=idle, outbox_age_s=5.0), "drain") == 3
    assert wanted_workers(Load(workers=idle, outbox_age_s=5.0), "control") == 1
