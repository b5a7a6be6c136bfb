"""How long to wait before asking again."""

from random import uniform

_FIRST_S = 0.01
_LONGEST_S = 0.5


def delay_s(tries: int) -> float:
    """Give the pause after so many failures in a row (from 1): doubling, 10 ms to 500 ms, spread.

    All processes lose a server in the same instant; without the spread they would also come back in
    step, again and again. Half of each step is fixed, so that a pause is never next to nothing.
    """
    longest = min(_LONGEST_S, _FIRST_S * 2 ** min(tries - 1, 10))
    return uniform(longest / 2, longest)
