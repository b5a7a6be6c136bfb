"""How much of the machine is there: the same piece of work, timed now and then while nothing else runs.

On a machine of one's own it takes the same time within a few percent. What shares its cores with others
takes up to several times as long for minutes, and all figures of those minutes with it.
"""

import time

_STEPS = 200_000


def work_ms() -> float:
    """Give the time of a piece of work, ms: some 20 on a processor of our days."""
    began_s = time.perf_counter()
    kept: dict[int, int] = {}
    total = 0
    for step in range(_STEPS):
        kept[step & 1023] = total
        total += step * 3 % 7
    return 1000 * (time.perf_counter() - began_s)
