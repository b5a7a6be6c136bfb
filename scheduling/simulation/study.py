"""An experiment, carried out: seeds spread over processes, ours beside the others, figures at the end."""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Self
from uuid import uuid4

from scheduling.simulation.clairvoyant import clairvoyant
from scheduling.simulation.experiment import Experiment
from scheduling.simulation.policies import CHOICES, Waits, bound_at_arrival, central
from scheduling.simulation.product import Run, run_product

OURS, IDEAL, BOUND, MODEST = "ours", "ideal", "bound", "without excess"
#: Two keep the server busy while the third works on the other policies.
_PROCESSES = 3
_PRODUCT_PARTS = 2


@dataclass(slots=True)
class Outcome:
    """What a part of the work found, of some seeds."""

    waits: dict[str, dict[int, Waits]] = field(default_factory=dict)
    """By policy and seed: of the kept jobs, in mean services."""
    pairs: dict[int, list[int]] = field(default_factory=dict)
    """By seed: the pairs of the kept jobs."""
    faults: dict[str, int] = field(default_factory=dict)
    """What the books found wrong with ours."""

    def note(self, policy: str, seed: int, waits: Waits) -> None:
        """Add the waits of a policy."""
        self.waits.setdefault(policy, {})[seed] = waits

    def add(self, other: "Outcome") -> None:
        """Take in what another part found."""
        for policy, seeds in other.waits.items():
            self.waits.setdefault(policy, {}).update(seeds)
        self.pairs |= other.pairs
        for name, count in other.faults.items():
            self.faults[name] = self.faults.get(name, 0) + count

    def samples(self, policy: str) -> list[Waits]:
        """Give the waits of a policy, a list a seed, in order of the seeds."""
        return [waits for _, waits in sorted(self.waits[policy].items())]


class Study:
    """An experiment under way."""

    def __init__(self, parts: Sequence[Future[Outcome]]) -> None:
        self._parts = parts

    @property
    def parts(self) -> int:
        """Parts of the work; the product's own are the longest."""
        return len(self._parts)

    @property
    def parts_done(self) -> int:
        """How many of them have ended."""
        return sum(part.done() for part in self._parts)

    @property
    def done(self) -> bool:
        """Whether all of it is, or something failed."""
        ended = [part for part in self._parts if part.done()]
        return len(ended) == len(self._parts) or any(part.exception() for part in ended)

    def outcome(self) -> Outcome:
        """Give what was found; raises what any part of it raised."""
        whole = Outcome()
        for part in self._parts:
            if part.done():
                whole.add(part.result())
        return whole


class Laboratory:
    """Processes in which experiments are carried out; a context manager that leaves none behind."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Take the servers over which seeds are spread."""
        self._urls = urls
        self._studies: list[Study] = []
        self._pool = ProcessPoolExecutor(
            _PROCESSES, mp_context=get_context("spawn"), initializer=_prepare_process
        )

    def begin(self, experiment: Experiment) -> Study:
        """Start an experiment."""
        seeds, urls = experiment.seeds, self._urls
        shares = [(urls[n % len(urls)], seeds[n::_PRODUCT_PARTS]) for n in range(_PRODUCT_PARTS) if seeds[n:]]
        parts = [self._pool.submit(simulate_product, url, experiment, share) for url, share in shares]
        parts += [self._pool.submit(simulate_peers, experiment, seed) for seed in seeds]
        study = Study(parts)
        self._studies.append(study)
        return study

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = kind is None and all(study.done for study in self._studies)
        self._pool.shutdown(wait=finished, cancel_futures=True)
        if not finished:
            for child in active_children():
                child.terminate()
                child.join()


def simulate_product(url: str, experiment: Experiment, seeds: Sequence[int]) -> Outcome:
    """Send the traces of some seeds through the product's scripts."""
    name = f"simulate-{uuid4().hex[:8]}"
    runs: list[tuple[str, int, Run]] = []
    for seed in seeds:
        fleet = experiment.fleet(seed)
        trace = experiment.trace(seed, fleet)
        runs.append((OURS, seed, Run(f"{name}-{seed}", fleet, trace)))
        if experiment.scenario == "tenants":
            modest = experiment.modest(seed, trace)
            runs.append((MODEST, seed, Run(f"{name}-{seed}-modest", fleet, modest)))
    outcome = Outcome()
    found = run_product(url, [run for _, _, run in runs], experiment.service_ms)
    for (policy, seed, run), findings in zip(runs, found, strict=True):
        outcome.note(policy, seed, experiment.keep(run.trace, findings.waits))
        outcome.add(Outcome(faults=findings.faults))
    return outcome


def simulate_peers(experiment: Experiment, seed: int) -> Outcome:
    """Give one seed to the ideal, to the yardstick where there is one, and to the chosen peers."""
    fleet = experiment.fleet(seed)
    trace = experiment.trace(seed, fleet)
    outcome = Outcome()
    # The ideal is not to suffer from an excess that ours is to keep from the others.
    modest = experiment.modest(seed, trace) if experiment.scenario == "tenants" else trace
    outcome.note(IDEAL, seed, experiment.keep(modest, central(modest, fleet)))
    if experiment.scenario == "partial":
        outcome.note(BOUND, seed, experiment.keep(trace, clairvoyant(trace, fleet)))
        outcome.pairs[seed] = [trace.pairs[job] for job in experiment.kept(trace)]
    for name in experiment.policies:
        choose = CHOICES[name](fleet, experiment.random(seed, name))
        outcome.note(name, seed, experiment.keep(trace, bound_at_arrival(trace, fleet, choose)))
    return outcome


def _prepare_process() -> None:
    # Ctrl-C reaches everybody; the command alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
