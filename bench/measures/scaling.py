"""Whether a second web process and worker make an utterance dearer."""

from bench.generators import nodes, speak
from bench.measures.bench import Bench
from bench.rounds import Rounds
from bench.systems import Ours


def measure_scaling(bench: Bench) -> None:
    """Compare the processor's time for an utterance, with all processes of each system counted.

    Both systems run all the time and speak by turns, so that what the machine does meanwhile meets both.
    """
    rounds = Rounds(bench, "scaling")
    with bench.ours() as one, bench.ours(webs=2, workers=2) as two:
        for _ in range(bench.plan.scaling_rounds):
            with rounds.one():
                bench.say("CPU per utterance, one and two of each")
                alone, shared = _cpu_ms(bench, one), _cpu_ms(bench, two)
                bench.book.add("one_cpu_ms", alone)
                bench.book.add("two_cpu_ms", shared)
                bench.book.compare("cpu_2_vs_1", shared, alone)
    rounds.note()


def _cpu_ms(bench: Bench, system: Ours) -> float:
    plan = bench.plan
    with nodes(system) as made:
        report = speak(
            system, made, clients=plan.in_flight, seconds=plan.small_s, warm_s=plan.warm_s, seed=plan.seed
        )
    bench.book.add(f"utterances_per_s_{len(system.ports)}_of_each", report["per_s"])
    return float(1000 * sum(report["cpu_s"].values()) / report["utterances"])
