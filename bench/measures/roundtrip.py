"""Round trips through everything: ours, the bare path and the peers, by turns."""

from typing import Any

from bench.generators import Generator, nodes, speak, told
from bench.measures.bench import Bench
from bench.measures.limits import LARGE_BYTES, limit_rates
from bench.peers.start import measure
from bench.systems import System

CELERY = ("celery_prefork", "celery_threads")
#: What is compared with Celery's rate, with its latency, and with BullMQ's rate.
_OURS = ("roundtrip_vs_celery", "latency_vs_celery", "roundtrip_vs_bullmq")
_LIMITS = ("limit_vs_celery", "limit_latency_vs_celery", "limit_vs_bullmq")


def measure_round_trips(bench: Bench) -> None:
    """Measure in rounds; each system runs alone, on a server of its own with the same settings."""
    _measure_control(bench)
    for number in range(bench.plan.rounds):
        bench.say(f"round trips, round {number + 1} of {bench.plan.rounds}")
        found = {peer: report for peer in bench.peers if (report := _measure_peer(bench, peer))}
        with bench.bare() as bare:
            bare_small, bare_large, bare_single = _load(bench, bare, "bare")
        with bench.ours() as ours:
            small, large, single = _load(bench, ours, "ours")
        bench.book.worst("fallback_drains_one_at_a_time", single["between"].count("fallback_drains"))
        bench.book.compare("roundtrip_vs_bare", small["per_s"], bare_small["per_s"])
        bench.book.compare("roundtrip_20k_vs_bare", large["per_s"], bare_large["per_s"])
        _compare_with_peers(bench, small["per_s"], single["p50_ms"], found, _OURS)
        if bench.plan.limits:
            limits = limit_rates(bench)
            bench.book.compare("limit_bare_share", limits["bare"], bare_small["per_s"])
            bench.book.compare("limit_bare_20k_share", limits["bare_20k"], bare_large["per_s"])
            _compare_with_peers(bench, limits["bare"], bare_single["p50_ms"], found, _LIMITS)
            bench.book.compare("deciding_bare_share", limits["deciding"], bare_small["per_s"])


def _compare_with_peers(
    bench: Bench,
    per_s: float,
    single_ms: float,
    found: dict[str, dict[str, Any]],
    names: tuple[str, str, str],
) -> None:
    celery_name, latency_name, bullmq_name = names
    celery = [found[name] for name in CELERY if name in found]
    if celery:
        bench.book.compare(celery_name, per_s, max(each["per_s"] for each in celery))
        fastest = min(each["single"]["p50_ms"] for each in celery)
        bench.book.compare(latency_name, single_ms, fastest)
    if "bullmq" in found:
        bench.book.compare(bullmq_name, per_s, found["bullmq"]["per_s"])


def _measure_peer(bench: Bench, name: str) -> dict[str, Any]:
    """Measure one peer; one that fails has no report, and the results say why."""
    bench.say(name)
    plan = bench.plan
    try:
        report = measure(name, bench.new_folder(), plan.small_s, plan.warm_s, plan.single_s)
    except SystemExit as reason:
        bench.say(str(reason))
        bench.book.facts.setdefault("peers_failed", {})[name] = str(reason)
        return {}
    bench.book.add(f"{name}_per_s", report["per_s"])
    bench.book.add(f"{name}_single_p50_ms", report["single"]["p50_ms"])
    return report


def _load(bench: Bench, system: System, name: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Load a system with small and large utterances, and with one at a time."""
    plan = bench.plan
    bench.say(name)
    with nodes(system) as made:
        small = _spoken(bench, system, made, f"{name}", clients=plan.in_flight, **_times(bench, plan.small_s))
        large = _spoken(
            bench, system, made, f"{name}_20k", clients=plan.in_flight, audio_bytes=LARGE_BYTES,
            **_times(bench, plan.large_s),
        )  # fmt: skip
        single = _spoken(bench, system, made, f"{name}_single", clients=1, **_times(bench, plan.single_s))
        told(made)
    return small, large, single


def _spoken(bench: Bench, system: System, made: Generator, name: str, **options: Any) -> dict[str, Any]:
    """Have clients speak, and note rate, times, and where the processor's time went for each utterance."""
    report = speak(system, made, seed=bench.plan.seed, **options)
    for part in ("per_s", "p50_ms", "p99_ms"):
        bench.book.add(f"{name}_{part}", report[part])
    bench.book.add(f"{name}_clients_cpu_share", report["cpu_share"])
    bench.book.add(f"{name}_nodes_cpu_share", report["nodes_cpu_share"])
    per_utterance = {
        command: round(n / report["utterances"], 2) for command, n in report["commands"].items() if n
    }
    bench.book.facts.setdefault("commands_per_utterance", {})[name] = per_utterance
    for part, seconds in report["cpu_s"].items():
        bench.book.add(f"{name}_cpu_ms_{part}", 1000 * seconds / report["utterances"])
    bench.book.add(f"{name}_cpu_ms", 1000 * sum(report["cpu_s"].values()) / report["utterances"])
    return report


def _measure_control(bench: Bench) -> None:
    """Measure the generators against a server that does nothing but carry."""
    bench.say("control: the generators against a relay")
    with bench.relay() as relay, nodes(relay) as made:
        for name, size in (("control", 400), ("control_20k", LARGE_BYTES)):
            options = {"clients": bench.plan.in_flight, "audio_bytes": size}
            _spoken(bench, relay, made, name, **options, **_times(bench, bench.plan.large_s))


def _times(bench: Bench, seconds: float) -> dict[str, float]:
    return {"seconds": seconds, "warm_s": bench.plan.warm_s}
