"""Run every case of docs/placement.md, draw its plots and write its tables: python -m bench.simulations.

Options are passed on to `speech-dispatch simulate`, as in ``--seeds 4 --jobs 5000`` for a quick look.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[1] / "docs" / "placement.md"
PLOTS = DOCUMENT.with_suffix("")
BEGIN, END = "<!-- tables: python -m bench.simulations -->\n", "<!-- end of tables -->\n"

SCENARIOS = ("partial", "bursts", "two-speeds", "lognormal", "tenants")
CASES = {
    "exchangeable-16-70": ("--rho", "0.7"),
    "exchangeable-16-85": (),
    "exchangeable-16-95": ("--rho", "0.95"),
    "exchangeable-64-70": ("--nodes", "64", "--rho", "0.7"),
    "exchangeable-64-85": ("--nodes", "64"),
    "exchangeable-64-95": ("--nodes", "64", "--rho", "0.95"),
    "lognormal-cv-1": ("--scenario", "lognormal", "--cv", "1"),
} | {name: ("--scenario", name) for name in SCENARIOS}
FIGURES = (
    "p99_wait_ratio", "p99_vs_power_of_two", "p99_bound_ratio", "slowest_pair_ratio", "others_p99_ratio",
    "idle_while_waiting", "over_commit",
)  # fmt: skip


def main() -> None:
    PLOTS.mkdir(exist_ok=True)
    found = {}
    for name, options in CASES.items():
        words = [*options, *sys.argv[1:], "--json", "--plot", str(PLOTS / f"{name}.png")]
        command = [sys.executable, "-m", "web.command", "simulate", *words]
        found[name] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(name, found[name]["p99_wait_ratio"], f"{found[name]['elapsed_s']} s", flush=True)
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(before + BEGIN + "\n" + "\n".join(tables(found)) + "\n" + END + after)


def tables(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    first = next(iter(found.values()))
    yield f"{len(first['seeds'])} seeds of {first['jobs']} jobs, {first['slots']} slots a node."
    yield ""
    yield "| case | nodes | load | " + " | ".join(f"`{figure}`" for figure in FIGURES) + " |"
    yield "|---|" + "---|" * (len(FIGURES) + 2)
    for name, case in found.items():
        cells = [figure_text(case, figure) for figure in FIGURES]
        yield f"| {name} | {case['nodes']} | {case['rho']} | {' | '.join(cells)} |"
    yield ""
    yield "The ideal queue against Erlang C (simulated / exact):"
    yield ""
    yield "| case | P(wait) | mean | p99 | agrees |"
    yield "|---|---|---|---|---|"
    for name, case in found.items():
        if theory := case["ideal_vs_theory"]:
            pairs = [theory[key] for key in ("p_wait", "mean", "p99")]
            cells = [f"{each['ideal']:.4f} / {each['theory']:.4f}" for each in pairs]
            yield f"| {name} | {' | '.join(cells)} | {'yes' if theory['agrees'] else 'no'} |"
    yield ""
    yield "Wait at the 99th percentile, by policy:"
    yield ""
    policies = list(dict.fromkeys(policy for case in found.values() for policy in case["policies"]))
    yield "| case | " + " | ".join(policies) + " |"
    yield "|---|" + "---|" * len(policies)
    for name, case in found.items():
        waits = [case["policies"].get(policy) for policy in policies]
        cells = [f"{of_policy['p99']:.3f}" if of_policy else "" for of_policy in waits]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield from (f"![{name}](placement/{name}.png)\n" for name in found)
    yield ""


def figure_text(case: dict[str, Any], figure: str) -> str:
    """Give a figure with its interval, where it has one; an empty cell where the case has no such figure."""
    if figure not in case:
        return ""
    interval = case.get(f"{figure}_ci95")
    known = interval and None not in interval
    return f"{case[figure]}" + (f" ({interval[0]} to {interval[1]})" if known else "")


if __name__ == "__main__":
    main()
