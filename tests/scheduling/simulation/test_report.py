"""What is said of the ideal queue and theory, where waits are too rare to have come up."""

from scheduling.simulation.experiment import Experiment
from scheduling.simulation.report import figures
from scheduling.simulation.study import IDEAL, OURS, Outcome

_SEEDS = 20
_JOBS = 16_000


def test_waits_too_rare_to_be_seen_agree_with_theory() -> None:
    assert _compared(Experiment(nodes=64, rho=0.7))["agrees"]  # one job in 24 million waits


def test_waits_that_should_have_been_seen_do_not() -> None:
    assert not _compared(Experiment(nodes=16, rho=0.7))["agrees"]  # 4 in 1,000 wait


def _compared(experiment: Experiment) -> dict[str, object]:
    """Compare an ideal queue in which nobody ever waited with theory."""
    outcome = Outcome()
    for seed in range(_SEEDS):
        for policy in (OURS, IDEAL):
            outcome.note(policy, seed, [0.0] * _JOBS)
    found: dict[str, object] = figures(experiment, outcome, elapsed_s=0.0)["ideal_vs_theory"]
    return found
