"""Whether a reservation costs the same in any fleet and behind any queue."""

from contextlib import ExitStack

from bench.measures.bench import Bench
from bench.reserve_cost import Fleet, ReserveCost
from bench.systems import System

_FEW = 100


def measure_reserve(bench: Bench) -> None:
    """Time blocks of reservations in fleets by turns."""
    size = bench.plan.fleet
    small, large = Fleet("small", _FEW), Fleet("large", size)
    short, long = (Fleet(name, _FEW, full=_FEW, waiting=n) for name, n in (("short", _FEW), ("long", size)))
    fleets = (small, large, short, long)
    with ExitStack() as stack:
        system = System(stack, bench.new_folder())
        cost = ReserveCost(system.store, system.url)
        for fleet in fleets:
            bench.say(f"fleet of {fleet.nodes} nodes, {fleet.waiting} jobs waiting")
            cost.build(fleet)
        for _ in range(bench.plan.blocks):
            for fleet in fleets:
                cost.measure(fleet)
        bench.note_scripts(system)
    for one, other, name in ((large, small, "reserve_100k_vs_100"), (long, short, "waiting_100k_vs_100")):
        bench.book.compare(name, one.reserve_us, other.reserve_us)
    bench.book.facts["reserve_us"] = {fleet.name: fleet.reserve_us for fleet in fleets}
    bench.book.facts["reserve_fleet"] = size
