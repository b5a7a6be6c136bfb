"""Plays scrapes of a broken system to the real alert rules, in promtool, at the pace of the rules.

A break lasts seconds in a test, and rules look at minutes. So two scrapes of the real `/metrics`, from before
the break and from within it, are played as Prometheus would have seen them had it lasted: gauges stay as they
were in each, counters grow from the one to the other, and what was in one scrape alone is in that part alone.
Nothing else is made up, but for ages (``aging``): what has grown between two scrapes of the break grows on.
"""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scheduling.metrics import DEFINITIONS
from tests.stack import ROOT, Web
from tests.web.metrics.scrape import Samples, samples

yaml = pytest.importorskip("yaml")

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"

#: Scrapes are so far apart (s), as in prometheus.yml; so many before the break, and within it.
_STEP_S, _WELL, _ILL = 15, 60, 80
_COUNTERS = {one.full_name for one in DEFINITIONS.values() if one.kind == "counter"}
_PARTS = re.compile(r"_(bucket|count|sum)$")


@dataclass(frozen=True)
class Scrape:
    """What a web process answered."""

    samples: Samples

    def values(self, names: set[str]) -> dict[str, float]:
        """Give the values of these series, each by its name with labels, as promtool writes it."""
        return {
            _written(name, labels): value for name in names for labels, value in self.samples.get(name, ())
        }


def scrape(web: Web) -> Scrape:
    """Scrape a web process now."""
    return Scrape(samples(web))


def rules() -> dict[str, dict[str, Any]]:
    """Give the alert rules by name."""
    return {rule["alert"]: rule for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]}


def assert_fires(folder: Path, alert: str, well: Scrape, ill: Scrape, *, aging: Scrape | None = None) -> None:
    """Fail unless the alert is silent before the break and fires within it.

    ``aging`` is an earlier scrape of the same break: ages that have grown since then grow on, 1 s a second.
    """
    names = set(re.findall(r"\bspeech_dispatch_\w+", rules()[alert]["expr"]))
    before, within = well.values(names), ill.values(names)
    assert within or before, f"none of {names} was scraped"
    early = aging.values(names) if aging else within
    series = [
        {"series": name, "values": f"{_well(name, before)} {_ill(name, before, within, early)}"}
        for name in sorted(before.keys() | within.keys())
    ]
    firing = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    end_m = (_WELL + _ILL) * _STEP_S // 60
    looks = (("15m", "14m", 0), (f"{end_m}m", f"{_ILL * _STEP_S // 60}m", 1))
    test = {
        "interval": f"{_STEP_S}s",
        "input_series": series,
        "promql_expr_test": [
            {
                "expr": f"count(max_over_time({firing}[{span}])) > bool 0 or vector(0)",
                "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": value}],
            }
            for at, span, value in looks
        ],
    }
    file = folder / f"{alert}.yml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "15s", "tests": [test]}))
    run = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True)
    assert run.returncode == 0, f"{alert}: {run.stdout}{run.stderr}\n{json.dumps(series, indent=1)}"


def _written(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def _well(name: str, before: dict[str, float]) -> str:
    return f"{before[name]!r}x{_WELL - 1}" if name in before else f"_x{_WELL}"


def _ill(name: str, before: dict[str, float], within: dict[str, float], early: dict[str, float]) -> str:
    """Give the values of one series while the break lasts."""
    if name not in within:
        return "stale"
    value = within[name]
    if _is_counter(name):
        # One that was not there before is first seen as it is: Prometheus knows no growth from nothing.
        start = before.get(name, value)
        return f"{start!r}+{(value - start) / _ILL!r}x{_ILL}"
    ages = name.partition("{")[0].endswith("_seconds") and value > early.get(name, value)
    return f"{value!r}+{_STEP_S if ages else 0}x{_ILL}"


def _is_counter(name: str) -> bool:
    plain = name.partition("{")[0]
    return plain in _COUNTERS or _PARTS.search(plain) is not None
