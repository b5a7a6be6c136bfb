"""The product's scripts on a real server, held against what is known to be right."""

import multiprocessing
import time
from dataclasses import replace

import pytest
import redis

from scheduling.errors import StoreError
from scheduling.simulation.experiment import SCENARIOS, Experiment, Scenario
from scheduling.simulation.policies import CHOICES, central
from scheduling.simulation.product import Run, run_product
from scheduling.simulation.report import figures, table
from scheduling.simulation.study import OURS, Laboratory, Outcome, Study, simulate_peers, simulate_product
from tests.stack import wait_until
from tests.valkey import Valkey

SMALL = Experiment(nodes=12, slots=2, jobs=600, seeds=(1, 2), policies=tuple(CHOICES))


def small(scenario: Scenario) -> Experiment:
    return replace(SMALL, scenario=scenario)


def carried_out(url: str, experiment: Experiment) -> Outcome:
    """Do as `Study` does, in this process."""
    whole = simulate_product(url, experiment, experiment.seeds)
    for seed in experiment.seeds:
        whole.add(simulate_peers(experiment, seed))
    return whole


def test_where_slots_are_alike_ours_is_the_ideal_job_by_job(
    valkey: Valkey, redis_client: redis.Redis
) -> None:
    experiment = replace(SMALL, rho=0.95)
    runs = []
    for seed in experiment.seeds:
        fleet = experiment.fleet(seed)
        runs.append(Run(f"test-{seed}", fleet, experiment.trace(seed, fleet)))
    for run, findings in zip(runs, run_product(valkey.url, runs, 3000.0), strict=True):
        ideal = central(run.trace, run.fleet)
        assert max(ideal) > 0.1
        assert findings.waits == pytest.approx(ideal, abs=1e-9)
    assert redis_client.dbsize() == 0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_slot_is_used_twice_or_idle_and_no_job_is_lost(
    scenario: Scenario, valkey: Valkey, redis_client: redis.Redis
) -> None:
    experiment = small(scenario)
    outcome = carried_out(valkey.url, experiment)
    assert set(outcome.faults.values()) == {0}
    assert len(outcome.faults) == 6
    assert redis_client.dbsize() == 0
    found = figures(experiment, outcome, 1.0)
    assert found["p99_vs_power_of_two"] < 1.0
    assert found["policies"][OURS]["p99"] > 0.0
    assert scenario in table(found)


def test_the_cells_go_even_when_a_simulation_fails(valkey: Valkey, redis_client: redis.Redis) -> None:
    experiment = SMALL
    fleet = experiment.fleet(1)
    broken = Run("test-broken", fleet, replace(experiment.trace(1, fleet), pairs=["none"] * SMALL.jobs))  # type: ignore[list-item]
    with pytest.raises(TypeError):
        run_product(valkey.url, [broken], 3000.0)
    assert redis_client.dbsize() == 0


def until_done(study: Study) -> Outcome:
    while not study.done:
        time.sleep(0.05)
    return study.outcome()


def test_a_study_in_processes_finds_what_one_process_does(valkey: Valkey) -> None:
    experiment = small("partial")
    with Laboratory([valkey.url]) as laboratory:
        outcome = until_done(laboratory.begin(experiment))
        other = until_done(laboratory.begin(replace(experiment, seeds=(2,))))
    assert outcome.waits == carried_out(valkey.url, experiment).waits
    assert other.waits[OURS] == {2: outcome.waits[OURS][2]}
    assert multiprocessing.active_children() == []


def test_a_study_says_what_went_wrong_in_its_processes() -> None:
    with (
        pytest.raises(StoreError),
        Laboratory(["redis://127.0.0.1:1"]) as laboratory,
    ):
        until_done(laboratory.begin(replace(SMALL, policies=())))
    # The pool's own thread may have waited for it in the same moment, and note its end a little later.
    wait_until(lambda: multiprocessing.active_children() == [], "the processes to be gone")
