"""Times to come back that differ, so that peers sent away together do not return together."""

from random import uniform

#: A hint is stretched by up to this share of itself: a crowd told the same comes over half as long again.
_SPREAD = 0.5


def spread(ms: float) -> int:
    """Stretch a time by a random part of it, ms; never shorten it: it was reckoned."""
    return round(ms * uniform(1, 1 + _SPREAD))
