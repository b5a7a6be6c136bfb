"""The yardstick for fleets where not every node serves every pair: a dispatcher that sees the future.

It knows when each job of the next mean service will come, for which pair, and how long each will take, the
running ones as well. For a job that several nodes could take it plays that future through for each of them
and takes the one after which all wait least. Otherwise it does what any dispatcher can: a job waits
centrally, and a slot that becomes free takes the oldest job it can serve. Nobody who must decide without
knowing the future can do what it does; one that saw further still could do better than it.
"""

from heapq import heappop, heappush

from scheduling.simulation.fleet import Fleet
from scheduling.simulation.policies import Waits
from scheduling.simulation.trace import Trace

#: How far it sees, mean services.
SIGHT = 1.0


def clairvoyant(trace: Trace, fleet: Fleet, sight: float = SIGHT) -> Waits:
    """Give the wait of every job, in mean services. Nodes must be equally fast."""
    return _Clairvoyant(trace, fleet, sight).run()


class _Clairvoyant:
    def __init__(self, trace: Trace, fleet: Fleet, sight: float) -> None:
        self._trace = trace
        self._fleet = fleet
        self._sight = sight
        self._breadth = [mask.bit_count() for mask in fleet.masks]
        self._used = [0] * fleet.nodes
        self._ends: list[tuple[float, int]] = []
        self._waiting: list[int] = []
        """In order of arrival."""
        self._waits: Waits = [0.0] * len(trace)

    def run(self) -> Waits:
        """Go through the trace."""
        horizon = 0
        for job, now in enumerate(self._trace.arrivals):
            self._release(now)
            while horizon + 1 < len(self._trace) and self._trace.arrivals[horizon + 1] <= now + self._sight:
                horizon += 1
            nodes = self._open(self._trace.pairs[job], self._used)
            if not nodes:
                self._waiting.append(job)
                continue
            node = self._best(job, nodes, horizon)
            self._used[node] += 1
            heappush(self._ends, (now + self._trace.sizes[job], node))
        self._release(float("inf"))
        return self._waits

    def _release(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            end, node = heappop(self._ends)
            job = self._take(node, self._waiting)
            if job is None:
                self._used[node] -= 1
            else:
                self._waits[job] = end - self._trace.arrivals[job]
                heappush(self._ends, (end + self._trace.sizes[job], node))

    def _take(self, node: int, waiting: list[int]) -> int | None:
        """Take the oldest waiting job that a node serves."""
        mask, pairs = self._fleet.masks[node], self._trace.pairs
        for place, job in enumerate(waiting):
            if mask >> pairs[job] & 1:
                del waiting[place]
                return job
        return None

    def _open(self, pair: int, used: list[int]) -> list[int]:
        """Give the nodes with a slot for a pair, those first that are idle and serve little else."""
        slots, breadth = self._fleet.slots, self._breadth
        nodes = [node for node in self._fleet.servers[pair] if used[node] < slots]
        return sorted(nodes, key=lambda node: used[node] + breadth[node])

    def _best(self, job: int, nodes: list[int], horizon: int) -> int:
        best, least = nodes[0], float("inf")
        # While jobs wait, they take every slot as it comes, and what is chosen now matters little.
        if self._waiting or len(nodes) == 1:
            return best
        for node in nodes:
            cost = self._play(job, node, horizon, least)
            if cost < least:
                best, least = node, cost
            if cost == 0:
                break
        return best

    def _play(self, job: int, node: int, horizon: int, enough: float) -> float:
        """Give what all later jobs up to ``horizon`` wait if the job goes to the node; stop at ``enough``."""
        arrivals, sizes, pairs = self._trace.arrivals, self._trace.sizes, self._trace.pairs
        used, ends = self._used[:], self._ends[:]
        waiting: list[int] = []
        used[node] += 1
        heappush(ends, (arrivals[job] + sizes[job], node))
        cost = 0.0

        def release(now: float) -> float:
            waited = 0.0
            while ends and ends[0][0] <= now:
                end, freed = heappop(ends)
                taken = self._take(freed, waiting)
                if taken is None:
                    used[freed] -= 1
                else:
                    waited += end - arrivals[taken]
                    heappush(ends, (end + sizes[taken], freed))
            return waited

        for later in range(job + 1, horizon + 1):
            cost += release(arrivals[later])
            if cost >= enough:
                return cost
            chosen = self._first_open(pairs[later], used)
            if chosen is None:
                waiting.append(later)
            else:
                used[chosen] += 1
                heappush(ends, (arrivals[later] + sizes[later], chosen))
        while waiting:
            cost += release(ends[0][0])
        return cost

    def _first_open(self, pair: int, used: list[int]) -> int | None:
        best, least = None, 0
        for node in self._fleet.servers[pair]:
            if used[node] < self._fleet.slots:
                rank = used[node] + self._breadth[node]
                if best is None or rank < least:
                    best, least = node, rank
        return best
