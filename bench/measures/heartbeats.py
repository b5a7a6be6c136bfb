"""Heartbeats of real size, as many as one web process takes: ours and the bare flask-sock loop."""

from bench.generators import generator
from bench.measures.bench import Bench
from bench.systems import System


def measure_heartbeats(bench: Bench) -> None:
    """Measure both by turns."""
    for _ in range(bench.plan.rounds):
        bench.say("heartbeats")
        with bench.bare() as bare:
            others = _beats(bench, bare, "message")
        with bench.ours() as ours:
            mine = _beats(bench, ours, "pong")
        bench.book.add("bare_heartbeats_per_s", others)
        bench.book.add("ours_heartbeats_per_s", mine)
        bench.book.compare("heartbeats_vs_bare", mine, others)


def _beats(bench: Bench, system: System, answer: str) -> float:
    plan = bench.plan
    times = {"seconds": plan.beats_s, "warm_s": plan.warm_s}
    with generator("beats", port=system.ports[0], answer=answer, seed=plan.seed, **times) as beats:
        beats.wait(b"begin")
        report = beats.report()
    if report["lost"]:
        raise SystemExit(f"{report['lost']} nodes lost their socket")
    bench.book.add("heartbeats_generator_cpu_share", report["cpu_share"])
    return float(report["per_s"])
