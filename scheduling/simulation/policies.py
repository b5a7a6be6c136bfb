"""Other dispatchers, on the same traces: event-driven, in plain Python.

All but `central` bind a job to a node as it comes and let it queue there, as peers do. Each gives the wait
of every job, by number, in mean services.
"""

from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from random import Random

from scheduling.simulation.fleet import Fleet
from scheduling.simulation.trace import Trace

Waits = list[float]
#: Of the nodes that can serve a job, gives the one that gets it: (candidates, loads, now).
Choice = Callable[[Sequence[int], Sequence[int], float], int]

#: How old the loads are that `stale` goes by, mean services.
STALE_FOR = 1.0


def central(trace: Trace, fleet: Fleet) -> Waits:
    """Run the ideal: one queue before all slots, first come first served, as if any slot could serve any job.

    Where several slots are free, a job takes one of the fastest.
    """
    classes = sorted({*fleet.speeds}, reverse=True)
    free = [fleet.slots * fleet.speeds.count(speed) for speed in classes]
    busy: list[tuple[float, int]] = []
    waits: Waits = []
    for now, size in zip(trace.arrivals, trace.sizes, strict=True):
        while busy and busy[0][0] <= now:
            free[heappop(busy)[1]] += 1
        start = now
        kind = next((kind for kind, count in enumerate(free) if count), None)
        if kind is None:
            start, kind = heappop(busy)
        else:
            free[kind] -= 1
        heappush(busy, (start + size / classes[kind], kind))
        waits.append(start - now)
    return waits


def bound_at_arrival(trace: Trace, fleet: Fleet, choose: Choice) -> Waits:
    """Bind each job to the node ``choose`` gives, where it starts when its turn has come."""
    slots, speeds = fleet.slots, fleet.speeds
    loads = [0] * fleet.nodes
    queues: list[deque[int]] = [deque() for _ in range(fleet.nodes)]
    ends: list[tuple[float, int]] = []
    waits: Waits = [0.0] * len(trace)

    def release_until(now: float) -> None:
        while ends and ends[0][0] <= now:
            end, node = heappop(ends)
            loads[node] -= 1
            if queues[node]:
                job = queues[node].popleft()
                waits[job] = end - trace.arrivals[job]
                heappush(ends, (end + trace.sizes[job] / speeds[node], node))

    for job, now in enumerate(trace.arrivals):
        release_until(now)
        node = choose(fleet.servers[trace.pairs[job]], loads, now)
        loads[node] += 1
        if loads[node] <= slots:
            heappush(ends, (now + trace.sizes[job] / speeds[node], node))
        else:
            queues[node].append(job)
    release_until(float("inf"))
    return waits


def power_of_two(fleet: Fleet, random: Random) -> Choice:
    """Make the choice: two nodes at random, the less loaded of them."""

    def choose(candidates: Sequence[int], loads: Sequence[int], now: float) -> int:
        one = candidates[int(random.random() * len(candidates))]
        other = candidates[int(random.random() * len(candidates))]
        while other == one and len(candidates) > 1:
            other = candidates[int(random.random() * len(candidates))]
        return one if loads[one] <= loads[other] else other

    return choose


def by_load(fleet: Fleet, random: Random) -> Choice:
    """Make the choice: at random, a node as likely as it is free (LiveKit's rule, with exact loads)."""

    def choose(candidates: Sequence[int], loads: Sequence[int], now: float) -> int:
        free = [max(0, fleet.slots - loads[node]) for node in candidates]
        if any(free):
            return random.choices(candidates, free)[0]
        return candidates[int(random.random() * len(candidates))]

    return choose


def stale(fleet: Fleet, random: Random) -> Choice:
    """Make the choice: the least loaded by what nodes said in their last heartbeat."""
    heard = [0] * fleet.nodes
    heard_at = 0.0

    def choose(candidates: Sequence[int], loads: Sequence[int], now: float) -> int:
        nonlocal heard_at
        if now - heard_at >= STALE_FOR:
            heard[:] = loads
            heard_at = now - now % STALE_FOR
        least = min(heard[node] for node in candidates)
        equal = [node for node in candidates if heard[node] == least]
        return equal[int(random.random() * len(equal))]

    return choose


def round_robin(fleet: Fleet, random: Random) -> Choice:
    """Make the choice: one after the other, in turn for each pair."""
    turns: dict[int, int] = {}

    def choose(candidates: Sequence[int], loads: Sequence[int], now: float) -> int:
        turn = turns.get(id(candidates), 0)
        turns[id(candidates)] = turn + 1
        return candidates[turn % len(candidates)]

    return choose


CHOICES: dict[str, Callable[[Fleet, Random], Choice]] = {
    "power-of-two": power_of_two,
    "by-load": by_load,
    "stale": stale,
    "round-robin": round_robin,
}
