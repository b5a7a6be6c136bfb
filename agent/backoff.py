"""When a node or a client that lost its server tries again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from websockets.exceptions import InvalidStatus

#: First step, in s. The server keeps a lost node's jobs for a grace of 2 s, so the first two tries
#: (within 0.5 s, then within 1 s) must both fit in it.
FIRST_S = 0.5
#: Last step, in s: one heartbeat interval. Longer saves a dead server nothing worth having and keeps
#: a recovered one short of nodes.
LAST_S = 15.0
#: A hint from the server is stretched by up to this share, so that nodes told the same do not come together.
HINT_SPREAD = 0.25

_HINT = re.compile(r"come back in (\d+(?:\.\d+)?) ?s\b")


class Backoff:
    """Delays between tries: exponential steps, each drawn evenly between nothing and the whole step.

    A restart of the server cuts all its nodes off in the same instant. With fixed delays all N return
    in the same instants too, wave after wave. Drawing from the whole step, not from a few percent
    around it, makes them arrive at N/step a second from the first try on, and the mean delay is even
    half as long. That one node may draw two short delays in a row harms nobody.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._tries = 0

    def reset(self) -> None:
        """Start again with short delays, as the server took the node in."""
        self._tries = 0

    def delay_s(self, close_reason: str = "") -> float:
        """Say how long to wait before the next try, in s; a hint in the server's close reason is obeyed."""
        hint = hint_s(close_reason)
        if hint is not None:
            return hint * (1 + HINT_SPREAD * self._draw())
        step = min(LAST_S, FIRST_S * 2.0**self._tries)
        self._tries = min(self._tries + 1, 16)
        return step * self._draw()


def hint_s(close_reason: str) -> float | None:
    """Find the N of "come back in N s" in a close reason (codes 1012 and 1013), at most 300 s."""
    found = _HINT.search(close_reason)
    return min(300.0, float(found.group(1))) if found else None


def refusal_reason(refused: InvalidStatus) -> str:
    """Say why a handshake was refused; a proxy's `Retry-After` in seconds is put into the words of a hint."""
    body = refused.response.body.decode("utf-8", "replace")[:200].strip()
    after = refused.response.headers.get("Retry-After", "")
    known = hint_s(body) is not None or not after.isdecimal()
    return f"{refused}: {body}" if known else f"{refused}: {body}; come back in {after} s"
