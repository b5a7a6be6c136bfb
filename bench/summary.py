"""What is printed below the table: what the ratios were made of, and where the time went."""

from bench.book import Book
from bench.measures.half_load import FLOWS
from bench.peers.start import PEERS

#: The bare path with the commands of our scripts, and with the scripts.
_LIMITS = ("limit_bare", "limit_bare_20k", "limit_deciding")
_PARTS = ("web", "worker", "worker-drain", "worker-control", "valkey")


def text(book: Book) -> str:
    """Give the paragraphs whose figures were measured."""
    parts = (_rates, _control, _cpu, _latency, _flows, _scripts, _machine)
    return "\n".join(said for part in parts if (said := part(book)))


def _rates(book: Book) -> str:
    names = ("ours", "ours_20k", "bare", "bare_20k", *_LIMITS, *PEERS)
    found = [f"{name} {_of(book, f'{name}_per_s', 0)}" for name in names if f"{name}_per_s" in book.runs]
    if not found:
        return ""
    deciding = (
        f"; with our scripts the bare path reaches {_of(book, 'deciding_bare_share', 2)} of itself"
        if "deciding_bare_share" in book.runs
        else ""
    )
    return f"round trips/s: {', '.join(found)}{deciding}"


def _control(book: Book) -> str:
    if "control_per_s" not in book.runs:
        return ""
    return (
        f"generators: against a relay that only carries they reach {_of(book, 'control_per_s', 0)}/s "
        f"({_of(book, 'control_20k_per_s', 0)}/s with 20 KB); with ours clients used "
        f"{_of(book, 'ours_clients_cpu_share', 2)} of a core, nodes {_of(book, 'ours_nodes_cpu_share', 2)}"
    )


def _cpu(book: Book) -> str:
    lines = []
    for name in ("ours", "ours_20k", "bare", "bare_20k", *_LIMITS):
        found = [
            f"{part} {_of(book, f'{name}_cpu_ms_{part}', 3)}"
            for part in _PARTS
            if f"{name}_cpu_ms_{part}" in book.runs
        ]
        if found:
            lines.append(f"CPU-ms per utterance, {name}: " + ", ".join(found))
    return "\n".join(lines)


def _latency(book: Book) -> str:
    if "ours_single_p50_ms" not in book.runs:
        return ""
    names = ("ours", "bare", *PEERS)
    found = [
        f"{name} {_of(book, f'{name}_single_p50_ms', 2)}"
        for name in names
        if f"{name}_single_p50_ms" in book.runs
    ]
    fallbacks = _of(book, "fallback_drains_one_at_a_time", 0)
    return f"one at a time, p50 ms: {', '.join(found)}; results not formatted by a worker: {fallbacks}"


def _flows(book: Book) -> str:
    if "create_p50_ms" not in book.runs:
        return ""
    lines = [f"at {_of(book, 'half_load_per_s', 0)} utterances/s, p50/p99 in ms; script alone, one at a time"]
    for flow in FLOWS:
        parts = [
            f"{part or 'whole'} {_of(book, f'{flow}_{part}p50_ms', 2)}/{_of(book, f'{flow}_{part}p99_ms', 2)}"
            for part in ("", "script_", "link_", "loop_")
        ]
        lines.append(f"  {flow:10} " + "  ".join(part.replace("_ ", " ") for part in parts))
    return "\n".join(lines)


def _scripts(book: Book) -> str:
    known = book.facts.get("longest_by_script_ms")
    if not known:
        return ""
    worst = sorted(known.items(), key=lambda pair: -pair[1])[:5]
    named = ", ".join(f"{name} {ms:.2f}" for name, ms in worst)
    bare = (
        f"; those of the bare path and the limit, for comparison: {_of(book, 'longest_limit_script_ms', 2)}"
        if "longest_limit_script_ms" in book.runs
        else ""
    )
    return f"longest scripts, ms: {named}{bare}"


def _machine(book: Book) -> str:
    spread = book.spread("work_ms")
    if spread is None:
        return ""
    return (
        f"the machine: the same piece of work took {_of(book, 'work_ms', 0)} ms, {spread[0]:.0f} to "
        f"{spread[1]:.0f} ms in the course of the run; a wide spread is that of all figures here"
        f"{_counting(book)}"
    )


def _counting(book: Book) -> str:
    """Tell how many rounds do not count, because the machine was much slower in them."""
    found = book.facts.get("rounds", {})
    told = [f"{name} {each['counting']} of {each['of']}" for name, each in found.items()]
    return f"; rounds that count, by that: {', '.join(told)}" if told else ""


def _of(book: Book, name: str, digits: int) -> str:
    value = book.value(name)
    return "-" if value is None else f"{value:,.{digits}f}"
