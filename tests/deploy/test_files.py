"""Alert rules and dashboard: every series they name is there in a real scrape, and every alert fires."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from scheduling.metrics import DEFINITIONS
from tests.deploy.firing import FIRING
from tests.deploy.replay import ALERTS, rules
from tests.programs import needs
from tests.stack import ROOT, Stack, wait_until
from tests.web.metrics.scrape import samples

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"

needs_promtool = needs("promtool", "prometheus")


def expressions() -> Iterable[str]:
    yield from (rule["expr"] for rule in rules().values())
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def named(expression: str) -> set[str]:
    return set(re.findall(r"\bspeech_dispatch_\w+", expression))


def labels_of(expression: str) -> set[tuple[str, str]]:
    """Give the series and the labels that it is chosen by."""
    chosen = re.findall(r"\b(speech_dispatch_\w+)\{([^}]*)\}", expression)
    return {(name, label) for name, inside in chosen for label in re.findall(r"(\w+)\s*[=!]", inside)}


def test_all_series_that_rules_and_dashboard_name_are_in_a_real_scrape() -> None:
    wanted = set().union(*map(named, expressions()))
    assert len(wanted) > 40
    speech = {"success": True, "text_asr": "x", "text_translated": "y", "tts_audio": "AAAA"}
    pair = ("en", "pt")
    with Stack(workers=True, beat=True) as own, own.node(pair) as node, own.client(*pair) as client:
        node.answer_with = lambda job: speech
        node.heartbeat(processing_metrics={"serviceEfficiencies": {"asr-x": 4.0}})
        client.say()
        client.result(1)
        own.client(*pair).close()
        wait_until(lambda: wanted <= samples(own.webs[0]).keys(), "all series to be there")
        found = samples(own.webs[0])
        for expression in expressions():
            for name, label in labels_of(expression):
                assert any(label in labels for labels, _ in found[name]), f"{name} has no label {label}"


def test_every_alert_says_how_grave_it_is_and_what_to_do() -> None:
    for rule in rules().values():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "action", "runbook"}, rule["alert"]


def test_every_alert_is_in_the_document() -> None:
    document = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    for rule in rules().values():
        assert f"`{rule['alert']}`" in document


def test_every_alert_has_series_to_fire_on_of_names_that_there_are() -> None:
    assert FIRING.keys() == rules().keys()
    known = {one.full_name for one in DEFINITIONS.values()}
    for case in FIRING.values():
        for name in case.series:
            plain = re.sub(r"_(bucket|count|sum)$", "", name.partition("{")[0])
            assert plain in known or plain == "up"


def test_for_every_alert_something_is_broken() -> None:
    """Series that are made up show how a rule is meant; only a break shows that there are such series."""
    tests = "".join(each.read_text(encoding="utf-8") for each in Path(__file__).parent.glob("test_*.py"))
    broken = set(re.findall(r'(?:assert_fires\(\s*tmp_path|is_firing\(server), "(\w+)"', tests))
    assert broken == rules().keys()


@needs_promtool
def test_prometheus_takes_the_rules_and_its_own_file() -> None:
    for kind, file in (("rules", ALERTS), ("config", ALERTS.with_name("prometheus.yml"))):
        checked = subprocess.run(["promtool", "check", kind, str(file)], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
@pytest.mark.parametrize("alert", sorted(FIRING))
def test_it_fires_when_it_should_and_only_then(alert: str, tmp_path: Path) -> None:
    case = FIRING[alert]
    tests = [
        {
            "interval": "15s",
            "input_series": [{"series": name, "values": values[ill]} for name, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{case.at_min}m",
                    "exp_samples": [{"labels": "{}", "value": ill}],
                }
            ],
        }
        for ill in (0, 1)
    ]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "15s", "tests": tests}))
    run = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
