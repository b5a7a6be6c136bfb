"""The figures of a study: as plain data for JSON, and as a table for people."""

from collections.abc import Mapping
from math import inf, log
from typing import Any

from scheduling.simulation.clairvoyant import SIGHT
from scheduling.simulation.experiment import WARM_UP, Experiment
from scheduling.simulation.study import BOUND, IDEAL, MODEST, OURS, Outcome
from scheduling.simulation.summary import Sample, Statistic, interval, p99_ratio, ratio

_CONFIDENCE = 0.95
#: Three figures are compared with theory, and all are to agree.
_THEORY_CONFIDENCE = 0.99
_POWER_OF_TWO = "power-of-two"


def figures(experiment: Experiment, outcome: Outcome, elapsed_s: float) -> dict[str, Any]:
    """Give all figures of a study as data for JSON; waits in mean services. Infinite ratios are None."""
    samples = {policy: Sample(outcome.samples(policy)) for policy in outcome.waits}
    ours = samples[OURS]
    found: dict[str, Any] = {"p99_wait_ratio": _ratio(ours, samples[IDEAL])}
    found["p99_wait_ratio_ci95"] = _range(p99_ratio(ours, samples[IDEAL]), ours.seeds, _CONFIDENCE)
    found |= outcome.faults
    found["ideal_vs_theory"] = _theory(experiment, samples[IDEAL])
    peer = samples.get(_POWER_OF_TWO)
    found["p99_vs_power_of_two"] = None if peer is None else _ratio(ours, peer)
    if BOUND in samples:
        found |= _partial(samples, outcome)
    if MODEST in samples:
        found["others_p99_ratio"] = _ratio(ours, samples[MODEST])
        found["others_p99_ratio_ci95"] = _range(p99_ratio(ours, samples[MODEST]), ours.seeds, _CONFIDENCE)
    found["policies"] = {policy: sample.figures() for policy, sample in samples.items()}
    return found | _options(experiment) | {"elapsed_s": round(elapsed_s, 1)}


def table(found: Mapping[str, Any]) -> str:
    """Give the same to read."""
    head = f"{'wait, in mean services':<24}{'P(wait)':>9}{'mean':>9}{'p50':>9}{'p99':>9}{'p99.9':>9}"
    lines = [
        f"{found['scenario']}: {found['nodes']} nodes of {found['slots']} slots, load {found['rho']}, "
        f"{len(found['seeds'])} seeds of {found['jobs']} jobs, {found['elapsed_s']} s",
        "",
        head,
    ]
    for policy, of_policy in found["policies"].items():
        cells = "".join(f"{value:>9.4f}" for value in of_policy.values())
        lines.append(f"{policy:<24}{cells}")
    theory = found["ideal_vs_theory"]
    if theory:
        known = {name: theory[name]["theory"] for name in ("p_wait", "mean", "p99")}
        blank = ""
        lines.append(
            f"{'Erlang C':<24}{known['p_wait']:>9.4f}{known['mean']:>9.4f}{blank:>9}{known['p99']:>9.4f}"
        )
    lines += ["", *(f"{name:<24}{_shown(found[name])}" for name in _HEADLINES if name in found)]
    if theory:
        lines.append(f"{'ideal agrees with theory':<26}{'yes' if theory['agrees'] else 'NO'}")
    return "\n".join(lines)


_HEADLINES = (
    "p99_wait_ratio", "p99_wait_ratio_ci95", "p99_vs_power_of_two", "p99_bound_ratio", "slowest_pair_ratio",
    "others_p99_ratio", "idle_while_waiting", "over_commit", "misplaced", "out_of_turn", "lost", "leaked",
)  # fmt: skip


def _partial(samples: Mapping[str, Sample], outcome: Outcome) -> dict[str, Any]:
    ours = samples[OURS]
    slowest = [
        _slowest_pair(outcome.waits[OURS][seed], pairs) for seed, pairs in sorted(outcome.pairs.items())
    ]
    return {
        "p99_bound_ratio": _ratio(ours, samples[BOUND]),
        "p99_bound_ratio_ci95": _range(p99_ratio(ours, samples[BOUND]), ours.seeds, _CONFIDENCE),
        "bound": f"a dispatcher that knows all arrivals of the next {SIGHT:g} mean services and all service "
        f"times, on the same traces",
        "slowest_pair_ratio": round(sum(slowest) / len(slowest), 4),
        "slowest_pair_ratio_worst_fleet": round(max(slowest), 4),
    }


def _slowest_pair(waits: list[float], pairs: list[int]) -> float:
    """Give the mean wait of the slowest pair in the mean over pairs."""
    sums: dict[int, float] = {}
    counts: dict[int, int] = {}
    for wait, pair in zip(waits, pairs, strict=True):
        sums[pair] = sums.get(pair, 0.0) + wait
        counts[pair] = counts.get(pair, 0) + 1
    means = [sums[pair] / counts[pair] for pair in sums]
    return ratio(max(means), sum(means) / len(means))


def _theory(experiment: Experiment, ideal: Sample) -> dict[str, Any] | None:
    theory = experiment.theory
    if theory is None:
        return None
    compared: dict[str, tuple[Statistic, float]] = {
        "p_wait": (ideal.p_wait, theory.p_wait),
        "mean": (ideal.mean, theory.mean),
        "p99": (lambda without: ideal.quantile(0.99, without), theory.quantile(0.99)),
    }
    # Where nobody waited the seeds do not differ, yet a rare wait may just not have come up (rule of three).
    unseen = -log(1 - _THEORY_CONFIDENCE) / len(ideal.sorted) if not ideal.p_wait() else 0.0
    widened = {"p_wait": unseen, "mean": unseen / theory.drain_rate}
    found: dict[str, Any] = {}
    for name, (statistic, known) in compared.items():
        low, high = interval(statistic, ideal.seeds, _THEORY_CONFIDENCE)
        high += widened.get(name, 0.0)
        found[name] = {
            "ideal": statistic(None),
            "theory": known,
            "ratio": _finite(ratio(statistic(None), known)),
            "ci99": [low, high],
            "within": low <= known <= high,
        }
    return found | {"agrees": all(entry["within"] for entry in found.values())}


def _options(experiment: Experiment) -> dict[str, Any]:
    return {
        "scenario": experiment.scenario,
        "nodes": experiment.nodes,
        "slots": experiment.slots,
        "rho": experiment.rho,
        "jobs": experiment.jobs,
        "seeds": [*experiment.seeds],
        "service_ms": experiment.service_ms,
        "cv": experiment.cv if experiment.scenario == "lognormal" else None,
        "warm_up": WARM_UP,
        "unit": "mean service time",
        "pooling": "waits of all seeds together; intervals by the jackknife over seeds",
    }


def _ratio(above: Sample, below: Sample) -> float | None:
    return _finite(p99_ratio(above, below)(None))


def _range(statistic: Statistic, seeds: int, confidence: float) -> list[float | None]:
    return [_finite(end) for end in interval(statistic, seeds, confidence)]


def _finite(value: float) -> float | None:
    return None if value in (inf, -inf) or value != value else round(value, 4)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "  " + " to ".join("-" if end is None else f"{end:.4f}" for end in value)
    return "  -" if value is None else f"  {value}"
