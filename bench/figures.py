"""Small figures of measurements."""

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that a share of all does not pass, to a tenth; 0 where there is none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else 0.0
