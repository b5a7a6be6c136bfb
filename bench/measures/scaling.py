"""Whether a second web process and worker make an utterance dearer."""

from bench.generators import nodes, speak
from bench.measures.bench import Bench


def measure_scaling(bench: Bench) -> None:
    """Compare the processor's time for an utterance, with all processes of each system counted."""
    for _ in range(bench.plan.rounds):
        bench.say("CPU per utterance, one and two of each")
        one, two = _cpu_ms(bench, 1), _cpu_ms(bench, 2)
        bench.book.add("one_cpu_ms", one)
        bench.book.add("two_cpu_ms", two)
        bench.book.compare("cpu_2_vs_1", two, one)


def _cpu_ms(bench: Bench, number: int) -> float:
    plan = bench.plan
    with bench.ours(webs=number, workers=number) as ours, nodes(ours) as made:
        report = speak(
            ours, made, clients=plan.in_flight, seconds=plan.small_s, warm_s=plan.warm_s, seed=plan.seed
        )
    bench.book.add(f"utterances_per_s_{number}_of_each", report["per_s"])
    return float(1000 * sum(report["cpu_s"].values()) / report["utterances"])
