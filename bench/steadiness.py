"""How much of the machine is there: the same piece of work, timed now and then.

On a machine of one's own it takes the same time within a few percent. What shares its cores with others
takes up to several times as long for minutes, and all figures of those minutes with it.
"""

import time

_STEPS = 200_000


def work_ms() -> float:
    """Give the time of a piece of work while nothing else runs, ms: some 20 on a processor of our days."""
    began_s = time.perf_counter()
    work(_STEPS)
    return 1000 * (time.perf_counter() - began_s)


def work(steps: int) -> None:
    """Do a piece of work."""
    kept: dict[int, int] = {}
    total = 0
    for step in range(steps):
        kept[step & 1023] = total
        total += step * 3 % 7
