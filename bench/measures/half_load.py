"""What the flows take inside the server at half of the largest load, and how soon nodes get their work."""

from contextlib import ExitStack
from typing import Any

from bench.generators import nodes, speak, told
from bench.measures.bench import Bench
from bench.measures.limits import SMALL_BYTES
from bench.rounds import Rounds
from bench.scripts import ScriptBench
from bench.systems import Ours, System
from bench.window import Between
from scheduling.settings import Settings

#: flow: the script that is its round trip
FLOWS = {"register": "register_node", "heartbeat": "heartbeat", "create": "reserve", "complete": "complete"}
#: More than real nodes say, so that there is enough to count: registrations of all each second, and the time
#: between the heartbeats of each, s.
_FROM_NODES = {"registrations_per_s": 10.0, "heartbeat_s": 0.2}
_SERVICE_MS = 20.0
_CALLS = 2000
#: Nothing may become due while a script is timed, however slow the machine.
_NEVER_MS = 10**9


def measure_half_load(bench: Bench) -> None:
    """Measure the flows, and the time from an utterance's submission to its arrival at a node's socket."""
    rounds = Rounds(bench, "flows")
    with bench.ours() as ours, bench.laden(SMALL_BYTES) as limit:
        for _ in range(bench.plan.close_rounds):
            with rounds.one():
                rate = _half_of_most(bench, ours)
                bench.book.add("half_load_per_s", rate)
                bench.say(f"flows at {rate:.0f} utterances/s")
                report = _speak(bench, ours, rate, "")
                bench.book.add("half_load_reached_per_s", report["per_s"])
                _note_flows(bench, report["between"])
                # What the machine itself makes of such a load just then.
                _speak(bench, limit, rate, "limit_")
    rounds.note()
    _note_scripts(bench)


def _half_of_most(bench: Bench, ours: Ours) -> float:
    """Give half of the utterances a second that are carried just now: others share the machine."""
    plan = bench.plan
    with nodes(ours) as made:
        report = speak(
            ours, made, clients=plan.in_flight, seconds=plan.most_s, warm_s=plan.warm_s, seed=plan.seed
        )
    return float(report["per_s"]) / 2


def _speak(bench: Bench, system: System, rate: float, name: str) -> dict[str, Any]:
    """Have so many utterances a second spoken, and note how soon they are at their nodes."""
    with nodes(system, gives_way=True, **_FROM_NODES) as made:
        report = speak(
            system, made, rate=rate, clients=bench.plan.in_flight, seconds=bench.plan.half_load_s,
            warm_s=bench.plan.warm_s, seed=bench.plan.seed,
        )  # fmt: skip
        assign = told(made)["assign"]
    for part in ("p50_ms", "p99_ms"):
        bench.book.add(f"{name}assign_{part}", assign[part])
    return report


def measure_next_job(bench: Bench) -> None:
    """Measure how soon a freed slot has its next job, where jobs always wait: nodes of one slot.

    Counted by the node, from its result about to be written to the arrival of its next job: it includes both
    ways, but not what the node, which shares the cores of the system here, waits for one.
    """
    rounds = Rounds(bench, "next-job")
    with bench.ours() as ours:
        for _ in range(bench.plan.close_rounds):
            with rounds.one():
                _measure_next_job(bench, ours)
    rounds.note()


def _measure_next_job(bench: Bench, ours: Ours) -> None:
    count = max(2, round(_half_of_most(bench, ours) * _SERVICE_MS / 1000))
    bench.say(f"next job, {count} nodes of one slot")
    bench.book.add("next_job_nodes", count)
    with nodes(ours, gives_way=True, nodes=count, slots=1, service_ms=_SERVICE_MS) as made:
        speak(
            ours, made, clients=3 * count, seconds=bench.plan.next_job_s, warm_s=bench.plan.warm_s,
            seed=bench.plan.seed,
        )  # fmt: skip
        report = told(made)
    bench.book.add("next_job_p50_ms", report["next_job"]["p50_ms"])
    bench.book.add("next_job_p99_ms", report["next_job"]["p99_ms"])


def _note_flows(bench: Bench, between: Between) -> None:
    for flow, script in FLOWS.items():
        total, link, loop = between.flow(flow), between.wait(script, "link"), between.wait(script, "loop")
        for name, times in (("", total), ("link_", link), ("loop_", loop)):
            bench.book.add(f"{flow}_{name}p50_ms", times.quantile_ms(0.50))
            bench.book.add(f"{flow}_{name}p99_ms", times.quantile_ms(0.99))
        bench.book.add(f"{flow}_count", total.count)
        bench.book.add(f"round_trips_{flow}", round(link.count / total.count, 3))
    dispatched, created = between.wait("note_dispatched", "link").count, between.flow("create").count
    bench.book.add("round_trips_dispatch", round(dispatched / created, 3))


def _note_scripts(bench: Bench) -> None:
    """Note the server time of each flow's script, one at a time, by Valkey's own statistics."""
    with ExitStack() as stack:
        server = System(stack, bench.new_folder())
        settings = Settings(
            redis_url=server.url, dispatch_ms=_NEVER_MS, attempt_ms=_NEVER_MS, utterance_ms=_NEVER_MS,
            silence_ms=_NEVER_MS,
        )  # fmt: skip
        for flow, times in ScriptBench(server.store, settings, nodes=20, calls=_CALLS).run().items():
            bench.book.add(f"{flow}_script_p50_ms", times["p50_ms"])
            bench.book.add(f"{flow}_script_p99_ms", times["p99_ms"])
