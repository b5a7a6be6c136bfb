"""How much of everything is measured; a quick run is for trying the machinery, not for figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Times in s."""

    rounds: int = 3
    close_rounds: int = 7
    """Of what is judged by its slowest hundredth; `bench.rounds` says which count."""
    scaling_rounds: int = 5
    """Of what is judged by a few per cent."""
    seed: int = 20261127
    in_flight: int = 200
    warm_s: float = 0.6
    small_s: float = 1.6
    """Round trips with 400 B."""
    large_s: float = 1.0
    """Round trips with 20 KB."""
    single_s: float = 0.8
    beats_s: float = 2.0
    most_s: float = 0.8
    """What is carried at most, before each measure at half of it."""
    half_load_s: float = 2.5
    next_job_s: float = 2.5
    fleet: int = 100_000
    """Nodes of the large fleet, and jobs of the long queue."""
    blocks: int = 5
    """Of 500 reservations each, in each fleet."""
    connections: int = 10_000
    steps: tuple[int, ...] = (400, 1000)
    """Speaking sessions."""
    step_s: float = 5.0
    limits: bool = True
    """Whether the bare path is run with the load of promises as well, in each round."""


FULL = Plan()
#: What continuous integration compares with the last recorded; only with itself.
CI = Plan(
    rounds=1, close_rounds=1, scaling_rounds=1, warm_s=0.4, small_s=1.5, large_s=0.8, single_s=0.7,
    beats_s=1.0, fleet=10_000, blocks=4, limits=False,
)  # fmt: skip
QUICK = Plan(
    rounds=1, close_rounds=1, scaling_rounds=1, warm_s=0.5, small_s=1.0, large_s=1.0, single_s=0.5,
    beats_s=1.0, half_load_s=2.0, next_job_s=1.5, fleet=2000, blocks=2, connections=500, steps=(20, 40),
    step_s=4.0,
)  # fmt: skip
PLANS = {"full": FULL, "quick": QUICK, "ci": CI}
