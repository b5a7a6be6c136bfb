"""``python -m bench.placement_bounds``: what could be had where not every node serves every pair.

The scenario ``partial`` in plain Python, for what `docs/placement.md` says of its bound: dispatchers that see
the future, one that moves running jobs, and other rules for the node. All but the first two queue centrally
and give a freed slot to the oldest job it can serve, as we do.
"""

import argparse
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from random import Random

from scheduling.simulation.clairvoyant import clairvoyant
from scheduling.simulation.experiment import Experiment
from scheduling.simulation.fleet import Fleet
from scheduling.simulation.policies import Waits, central
from scheduling.simulation.summary import Sample
from scheduling.simulation.trace import Trace

#: Of the nodes with a free slot, gives the one a job goes to: (nodes, used slots, last turns).
Rule = Callable[[Sequence[int], Sequence[int], Sequence[int]], int]


def main() -> None:
    """Print the p99 of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rho", type=float, default=0.85)
    parser.add_argument("--seeds", type=int, default=20)
    args = parser.parse_args()
    experiment = Experiment(scenario="partial", rho=args.rho, seeds=tuple(range(1, args.seeds + 1)))
    found: dict[str, list[Waits]] = {}
    for seed in experiment.seeds:
        fleet = experiment.fleet(seed)
        trace = experiment.trace(seed, fleet)
        for name, run in _dispatchers(fleet, experiment.random(seed, "rules")).items():
            found.setdefault(name, []).append(experiment.keep(trace, run(trace, fleet)))
    for name, waits in found.items():
        figures = "  ".join(f"{key} {value:.4f}" for key, value in Sample(waits).figures().items())
        print(f"{name:<28}{figures}")


def _dispatchers(fleet: Fleet, random: Random) -> dict[str, Callable[[Trace, Fleet], Waits]]:
    seers = {
        f"sees {sight:g} mean services": partial(clairvoyant, sight=sight) for sight in (0.5, 1.0, 2.0, 5.0)
    }
    rules = {
        f"rule: {name}": partial(late_binding, rule=rule) for name, rule in _rules(fleet, random).items()
    }
    longest = partial(late_binding, rule=_rules(fleet, random)["least loaded (ours)"], longest=True)
    return {
        "ideal, pairs ignored": central,
        "running jobs may move": moving,
        **seers,
        **rules,
        "longest queue first": longest,
    }


def _rules(fleet: Fleet, random: Random) -> dict[str, Rule]:
    breadth = [mask.bit_count() for mask in fleet.masks]
    pairs = [[pair for pair in range(fleet.pairs) if mask >> pair & 1] for mask in fleet.masks]

    def harm(nodes: Sequence[int], used: Sequence[int], turns: Sequence[int]) -> int:
        free = [sum(fleet.slots - used[node] for node in fleet.servers[pair]) for pair in range(fleet.pairs)]
        return min(nodes, key=lambda node: sum(free[pair] ** -2 for pair in pairs[node]))

    return {
        "least loaded (ours)": lambda nodes, used, turns: min(nodes, key=lambda n: (used[n], turns[n])),
        "random": lambda nodes, used, turns: random.choice(nodes),
        "fullest": lambda nodes, used, turns: max(nodes, key=lambda n: (used[n], turns[n])),
        "narrowest": lambda nodes, used, turns: min(nodes, key=lambda n: (breadth[n], used[n])),
        "load, then narrowest": lambda nodes, used, turns: min(nodes, key=lambda n: (used[n], breadth[n])),
        "load plus breadth": lambda nodes, used, turns: min(nodes, key=lambda n: used[n] + breadth[n]),
        "least harm to free slots": harm,
    }


def late_binding(trace: Trace, fleet: Fleet, rule: Rule, longest: bool = False) -> Waits:
    """Queue centrally, choose nodes by a rule; a freed slot takes the oldest job, or of the longest queue."""
    used, turns, turn = [0] * fleet.nodes, [0] * fleet.nodes, 0
    queues: list[deque[int]] = [deque() for _ in range(fleet.pairs)]
    ends: list[tuple[float, int]] = []
    waits: Waits = [0.0] * len(trace)
    for job, now in [*enumerate(trace.arrivals), (-1, float("inf"))]:
        while ends and ends[0][0] <= now:
            end, node = heappop(ends)
            waiting = [queue for pair, queue in enumerate(queues) if queue and fleet.masks[node] >> pair & 1]
            if waiting:
                queue = max(waiting, key=len) if longest else min(waiting, key=lambda queue: queue[0])
                taken, turn = queue.popleft(), turn + 1
                turns[node], waits[taken] = turn, end - trace.arrivals[taken]
                heappush(ends, (end + trace.sizes[taken], node))
            else:
                used[node] -= 1
        if job < 0:
            break
        nodes = [node for node in fleet.servers[trace.pairs[job]] if used[node] < fleet.slots]
        if nodes:
            node, turn = rule(nodes, used, turns), turn + 1
            used[node], turns[node] = used[node] + 1, turn
            heappush(ends, (now + trace.sizes[job], node))
        else:
            queues[trace.pairs[job]].append(job)
    return waits


def moving(trace: Trace, fleet: Fleet) -> Waits:
    """Start a job as soon as all running ones and it can be put on nodes that serve them, whatever moves."""
    seats = _Seats(fleet)
    queues: list[deque[int]] = [deque() for _ in range(fleet.pairs)]
    ends: list[tuple[float, int]] = []
    waits: Waits = [0.0] * len(trace)
    for job, now in [*enumerate(trace.arrivals), (-1, float("inf"))]:
        while ends and ends[0][0] <= now:
            end, pair = heappop(ends)
            seats.leave(pair)
            for _, other in sorted((queue[0], pair) for pair, queue in enumerate(queues) if queue):
                if seats.take(other):
                    taken = queues[other].popleft()
                    waits[taken] = end - trace.arrivals[taken]
                    heappush(ends, (end + trace.sizes[taken], other))
                    break
        if job < 0:
            break
        pair = trace.pairs[job]
        if not queues[pair] and seats.take(pair):
            heappush(ends, (now + trace.sizes[job], pair))
        else:
            queues[pair].append(job)
    return waits


class _Seats:
    """Who runs where, rearranged as needed: a flow from pairs to nodes, kept by augmenting paths."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._runs = [[0] * fleet.pairs for _ in range(fleet.nodes)]
        self._free = [fleet.slots] * fleet.nodes

    def leave(self, pair: int) -> None:
        node = next(node for node in self._fleet.servers[pair] if self._runs[node][pair])
        self._runs[node][pair] -= 1
        self._free[node] += 1

    def take(self, pair: int) -> bool:
        entered: dict[int, int] = {}
        moved_from: dict[int, int] = {}
        front = deque([pair])
        while front:
            guest = front.popleft()
            for node in self._fleet.servers[guest]:
                if node in entered:
                    continue
                entered[node] = guest
                if self._free[node]:
                    self._seat(node, pair, entered, moved_from)
                    return True
                for other, count in enumerate(self._runs[node]):
                    if count and other != pair and other not in moved_from:
                        moved_from[other] = node
                        front.append(other)
        return False

    def _seat(self, node: int, pair: int, entered: dict[int, int], moved_from: dict[int, int]) -> None:
        self._free[node] -= 1
        while (guest := entered[node]) != pair:
            self._runs[node][guest] += 1
            node = moved_from[guest]
            self._runs[node][guest] -= 1
        self._runs[node][pair] += 1


if __name__ == "__main__":
    main()
