"""The pictures: how long jobs wait under each policy, and how that grows with the load."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scheduling.simulation.experiment import Experiment
from scheduling.simulation.study import BOUND, IDEAL, MODEST, OURS, Outcome
from scheduling.simulation.summary import Sample
from scheduling.simulation.theory import ErlangC

#: p99 of a policy at each load factor.
Curves = Mapping[str, Mapping[float, float]]

_COLOURS = {
    OURS: "#d62728",
    IDEAL: "#222222",
    BOUND: "#9467bd",
    MODEST: "#e377c2",
    "power-of-two": "#1f77b4",
    "by-load": "#2ca02c",
    "stale": "#ff7f0e",
    "round-robin": "#8c564b",
}
_POINTS = 400
_RAREST = 1e-4
_SHORTEST_P99 = 1e-3
_LABELS = {BOUND: "knows the future", IDEAL: "ideal central queue", MODEST: "ours without the excess"}


def plot(path: Path, experiment: Experiment, outcome: Outcome, curves: Curves) -> None:
    """Draw the tails and, where there are any, the curves; the format follows the file's name.

    Raises `ImportError` without matplotlib (the extra `simulate`) and `OSError`.
    """
    # Only who plots needs it, and it takes its time.
    from matplotlib.figure import Figure

    picture = Figure(figsize=(11 if curves else 6, 4.5), layout="constrained")
    tails, *others = picture.subplots(1, 2 if curves else 1, squeeze=False)[0]
    tails.set_title(
        f"{experiment.scenario}, {experiment.nodes} nodes of {experiment.slots} slots, load {experiment.rho}"
    )
    for policy in _in_order(outcome.waits):
        waits = Sample(outcome.samples(policy)).sorted
        tails.plot(
            *_tail(waits), label=_LABELS.get(policy, policy), color=_COLOURS.get(policy), **_style(policy)
        )
    if experiment.theory is not None:
        _draw_theory(tails, experiment.theory)
    tails.set(yscale="log", ylim=(_RAREST, 1), xlim=(0, _view(outcome)))
    tails.set(xlabel="wait t, mean services", ylabel="share of jobs that wait longer than t")
    tails.grid(alpha=0.3)
    tails.legend(fontsize="small")
    for axes in others:
        _draw_curves(axes, curves)
    picture.savefig(path, dpi=110)


def _style(policy: str) -> dict[str, float | str]:
    if policy == OURS:
        return {"linewidth": 3.0, "alpha": 0.7}
    return {"linewidth": 1.5, "linestyle": "--"} if policy in (IDEAL, BOUND, MODEST) else {"linewidth": 1.5}


def _in_order(policies: Mapping[str, object]) -> list[str]:
    """Ours first, so that what equals it is drawn over it."""
    return sorted(policies, key=lambda policy: policy != OURS)


def _tail(waits: Sequence[float]) -> tuple[list[float], list[float]]:
    """Give points of the share of jobs that wait longer, evenly on its logarithm."""
    shares = [_RAREST ** (step / _POINTS) for step in range(_POINTS + 1)]
    ranks = [min(len(waits) - 1, int(len(waits) * (1 - share))) for share in shares]
    return [waits[rank] for rank in ranks], shares


def _view(outcome: Outcome) -> float:
    """Show what is of interest: a little more than the worst of ours, and power of two."""
    shown = [name for name in (OURS, IDEAL, "power-of-two") if name in outcome.waits]
    bests = [Sample(outcome.samples(name)).quantile(0.999) for name in shown]
    return max(0.1, 1.3 * min(max(bests), 6 * max(bests[:2])))


def _draw_theory(axes: Any, theory: ErlangC) -> None:
    times = [step * 0.01 for step in range(1000)]
    axes.plot(times, [theory.longer_than(time) for time in times], ":", color="#777777", label="Erlang C")


def _draw_curves(axes: Any, curves: Curves) -> None:
    axes.set_title("99th percentile of the wait against load")
    for policy in _in_order(curves):
        points = sorted(curves[policy].items())
        axes.plot(
            [load for load, _ in points],
            [max(_SHORTEST_P99, p99) for _, p99 in points],
            label=_LABELS.get(policy, policy),
            color=_COLOURS.get(policy, "#777777"),
            marker=".",
            **_style(policy),
        )
    axes.set(yscale="log", xlabel="load factor", ylabel="p99 wait, mean services (0 drawn at the bottom)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
