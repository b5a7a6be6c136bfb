"""Heartbeats of real size, as fast as one web process takes them: ours and the bare flask-sock loop."""

from bench.generators import generator
from bench.measures.bench import Bench
from bench.systems import Bare, Ours


def measure_heartbeats(bench: Bench) -> None:
    """Measure both by turns."""
    for _ in range(bench.plan.rounds):
        bench.say("heartbeats")
        with bench.bare() as bare:
            others = _flood(bench, bare)
        with bench.ours() as ours:
            mine = _flood(bench, ours)
        bench.book.add("bare_heartbeats_per_s", others)
        bench.book.add("ours_heartbeats_per_s", mine)
        bench.book.compare("heartbeats_vs_bare", mine, others)


def _flood(bench: Bench, system: Ours | Bare) -> float:
    plan = bench.plan
    with generator("flood", port=system.ports[0], seconds=plan.beats_s, warm_s=plan.warm_s) as flood:
        flood.wait(b"begin")
        before = _beats(system)
        report = flood.report()
        done = _beats(system) - before
    bench.book.add("flood_cpu_share", report["cpu_share"])
    return float(done / report["seconds"])


def _beats(system: Ours | Bare) -> int:
    """Heartbeats dealt with so far. The bare loop runs no other script meanwhile."""
    if isinstance(system, Ours):
        return int(system.process()["flows"]["heartbeat"]["count"])
    return system.evalsha_calls()
