"""What many sockets cost: idle ones in memory, speaking ones in time."""

from bench.generators import generator, nodes
from bench.measures.bench import Bench

_SERVICE_MS = 300.0
#: How fast it can let sockets in is measured, not how fast it is set to.
_OPEN_GATE = {"HANDSHAKES_PER_S": "1000000", "HANDSHAKE_BURST": "1000000"}


def measure_idle(bench: Bench) -> None:
    """Open sessions as fast as one web process takes them, and see what it grew by."""
    count = bench.plan.connections
    bench.say(f"{count} idle connections")
    with bench.ours(**_OPEN_GATE) as ours:
        before, stored = ours.rss_bytes("web"), ours.rss_bytes("valkey")
        with generator("idle", port=ours.ports[0], sessions=count) as idle:
            idle.wait(b"begin")
            report = idle.report()
            bench.book.add("idle_connection_kb", (ours.rss_bytes("web") - before) / count / 1024)
            bench.book.add("idle_valkey_kb", (ours.rss_bytes("valkey") - stored) / count / 1024)
    bench.book.add("accepts_per_s", report["per_s"])
    bench.book.add("idle_generator_cpu_share", report["cpu_share"])


def measure_speaking(bench: Bench) -> None:
    """Let ever more sessions speak in real time; the row is the largest number whose results are in time."""
    plan = bench.plan
    with bench.ours() as ours, nodes(ours, nodes=40, service_ms=_SERVICE_MS) as _:
        steps, seen, best = [str(step) for step in plan.steps], [], 0
        with generator(
            "speakers", port=ours.ports[0], steps=steps, seconds=plan.step_s, service_ms=_SERVICE_MS,
            seed=plan.seed,
        ) as speakers:  # fmt: skip
            for report in speakers.reports():
                bench.say(f"{report['sessions']} speaking sessions: p99 {report['p99_ms']:.0f} ms")
                seen.append(report)
                if report["in_time"]:
                    best = report["sessions"]
    bench.book.add("speaking_sessions", best)
    bench.book.facts["speaking_steps"] = seen
