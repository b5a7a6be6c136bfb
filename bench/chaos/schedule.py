"""What is broken when: drawn from a seed, kept as JSON lines, so that a run can be looked at and repeated.

The rules, which keep the promises possible:

* Valkey, the web processes and the links between peers and web processes are one lane: there one fault at a
  time, and the next when what was hit does its work again. So one of two web processes is always in reach.
* No more than `MOST_NODES` of the nodes are out at a time.
* Workers are a lane, beat is one: one fault at a time in each.
* The lanes go on beside each other: a node may die while Valkey stands still.
* Nothing begins in the last `CALM_S`.
"""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

NODES = 10
MOST_NODES = 4
CALM_S = 8.0
_FIRST_S = 3.0

Span = tuple[float, float]
#: Until a process that was ended works again, and until one that is asked to end has, s; for planning only.
_STARTS_S, _ENDS_S = 4.0, 3.0


@dataclass(frozen=True)
class Fault:
    """One thing that is done to one victim."""

    at_s: float
    lane: str
    action: str
    """kill, crash, stop, restart, drain, cut, reset, stall, delay or throttle."""
    victim: str
    """A process, or the link ``client>web-0`` or ``node>web-0``."""
    for_s: float = 0.0
    """Until it is started again, goes on, takes work again; 0 for a cut or an orderly restart."""
    share: float = 0.0
    """Of the connections of a link."""
    delay_s: float = 0.0
    bytes_per_s: float = 0.0


@dataclass(frozen=True)
class _Card:
    """A kind of fault; the victim is one of those given."""

    action: str
    victims: tuple[str, ...]
    for_s: Span = (0.0, 0.0)
    share: Span = (0.0, 0.0)
    delay_s: Span = (0.0, 0.0)
    bytes_per_s: Span = (0.0, 0.0)


_WEBS = ("web-0", "web-1")
_CLIENTS = ("client>web-0", "client>web-1")
_LINKS = ("node>web-0", "node>web-1")
_NODES = tuple(f"node-{number}" for number in range(NODES))
_WORKERS = ("worker-0", "worker-1")

#: Each lane's deck is dealt to its end, in an order drawn anew, before a card comes again. A stop is short or
#: longer than PRESENCE_MS for a web process and SILENCE_MS for a node; a stall is short, or found by pings.
_DECKS: dict[str, tuple[_Card, ...]] = {
    "way": (
        _Card("kill", _WEBS, (0.3, 1.5)),
        _Card("crash", _WEBS),
        _Card("kill", ("valkey",), (0.2, 1.0)),
        _Card("stop", _WEBS, (0.5, 2.5)),
        _Card("stop", _WEBS, (4.0, 7.0)),
        _Card("stop", ("valkey",), (0.3, 3.0)),
        _Card("restart", _WEBS),
        _Card("reset", _CLIENTS, share=(0.3, 1.0)),
        _Card("cut", _CLIENTS, share=(0.3, 1.0)),
        _Card("reset", _LINKS, share=(0.3, 1.0)),
        _Card("cut", _LINKS, share=(0.3, 1.0)),
        _Card("stall", _CLIENTS, (2.0, 11.0), share=(0.2, 0.6)),
        _Card("stall", _LINKS, (2.0, 9.0), share=(0.2, 0.5)),
        _Card("delay", _CLIENTS, (3.0, 5.0), share=(0.5, 1.0), delay_s=(0.1, 0.6)),
        _Card("delay", _LINKS, (3.0, 5.0), share=(0.5, 1.0), delay_s=(0.1, 0.6)),
        _Card("throttle", _CLIENTS, (3.0, 5.0), share=(0.3, 0.8), bytes_per_s=(4_000, 20_000)),
    ),
    "nodes": (
        _Card("kill", _NODES, (0.2, 3.0)),
        _Card("kill", _NODES, (0.2, 3.0)),
        _Card("stop", _NODES, (0.3, 3.0)),
        _Card("stop", _NODES, (7.0, 10.0)),
        _Card("restart", _NODES),
        _Card("drain", _NODES, (3.0, 6.0)),
    ),
    "workers": (
        _Card("kill", _WORKERS, (0.5, 2.0)),
        _Card("crash", _WORKERS),
        _Card("stop", _WORKERS, (1.0, 6.0)),
        _Card("restart", _WORKERS),
    ),
    "beat": (
        _Card("kill", ("beat",), (0.5, 2.0)),
        _Card("stop", ("beat",), (1.0, 6.0)),
        _Card("restart", ("beat",)),
    ),
}
#: Between the end of a fault and the next of its lane, s; among the nodes between their beginnings.
_GAPS: dict[str, Span] = {"way": (2.0, 4.0), "nodes": (1.5, 4.0), "workers": (5.0, 12.0), "beat": (8.0, 16.0)}


def draw(seed: int, seconds: float) -> list[Fault]:
    """Draw the faults of a run of so long a load, in the order of their times."""
    faults = [fault for lane in _DECKS for fault in _lane(lane, random.Random(f"{seed}.{lane}"), seconds)]
    return sorted(faults, key=lambda fault: fault.at_s)


def rolling(rounds: int, every_s: float) -> list[Fault]:
    """Give rolling restarts of everything: one web process after the other, workers and beat meanwhile."""
    faults = []
    for turn in range(rounds):
        at_s = _FIRST_S + turn * every_s
        faults += [Fault(at_s, "way", "restart", victim) for victim in _WEBS]
        faults += [Fault(at_s, "workers", "restart", victim) for victim in _WORKERS]
        faults.append(Fault(at_s, "beat", "restart", "beat"))
    return faults


def save(faults: Iterable[Fault], path: Path) -> None:
    """Write them as JSON lines."""
    path.write_text("".join(json.dumps(asdict(fault)) + "\n" for fault in faults))


def load(path: Path) -> list[Fault]:
    """Read them again."""
    return [Fault(**json.loads(line)) for line in path.read_text().splitlines()]


def _lane(lane: str, rng: random.Random, seconds: float) -> Iterator[Fault]:
    at_s = _FIRST_S + rng.uniform(*_GAPS[lane])
    busy_until_s: dict[str, float] = {}
    for card in _dealt(_DECKS[lane], rng):
        if at_s > seconds - CALM_S:
            return
        out = [name for name, until_s in busy_until_s.items() if until_s > at_s]
        if len(out) >= MOST_NODES:
            at_s = min(busy_until_s[name] for name in out)
        victim = rng.choice([name for name in card.victims if busy_until_s.get(name, 0.0) <= at_s])
        fault = _fault(card, lane, victim, round(at_s, 2), rng)
        lasts_s = _lasts_s(fault)
        busy_until_s[victim] = at_s + lasts_s
        at_s += rng.uniform(*_GAPS[lane]) + (0.0 if lane == "nodes" else lasts_s)
        yield fault


def _dealt(deck: tuple[_Card, ...], rng: random.Random) -> Iterator[_Card]:
    while True:
        yield from rng.sample(deck, len(deck))


def _fault(card: _Card, lane: str, victim: str, at_s: float, rng: random.Random) -> Fault:
    drawn = {
        name: round(rng.uniform(*getattr(card, name)), 3)
        for name in ("for_s", "share", "delay_s", "bytes_per_s")
        if any(getattr(card, name))
    }
    return Fault(at_s, lane, card.action, victim, **drawn)


def _lasts_s(fault: Fault) -> float:
    """Estimate until the victim works again, s."""
    starts_s = _STARTS_S if fault.action in ("kill", "crash", "restart") else 0.5
    return fault.for_s + starts_s + (_ENDS_S if fault.action == "restart" else 0.0)
