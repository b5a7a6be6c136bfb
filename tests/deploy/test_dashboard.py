"""Every panel of the Grafana dashboard shows data, in a real Prometheus, of a real system at work."""

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.prometheus import Prometheus
from tests.peers import Frame, translation
from tests.programs import needs
from tests.stack import PATIENCE_S, ROOT, Stack

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
#: Grafana's own is four scrapes and one, as here.
_RATE_INTERVAL = "5s"

pytestmark = needs("prometheus", "prometheus")


def expressions() -> Iterator[tuple[str, str]]:
    """Give the title of each panel with each of its expressions, as Grafana sends them."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", _RATE_INTERVAL)


def test_every_panel_shows_data(tmp_path: Path) -> None:
    wanted = set(expressions())
    assert len(wanted) > 40
    with (
        Stack(workers=True, beat=True) as own,
        Prometheus(tmp_path, own.webs[0].port) as server,
        own.node(("en", "pt"), answer=_speak) as node,
        own.client() as client,
    ):
        until_s, spoken = time.monotonic() + 2 * PATIENCE_S, 0
        while wanted and time.monotonic() < until_s:
            own.client().close()
            node.heartbeat(processing_metrics={"serviceEfficiencies": {"asr-x": 4.0}})
            client.say()
            spoken += 1
            client.result(spoken)
            wanted = {(title, asked) for title, asked in wanted if not _has_numbers(server, asked)}
            time.sleep(0.2)  # at the pace of people, and of scrapes
    assert not wanted


def _speak(job: Frame) -> Frame:
    return {**translation(job), "asr_quality_level": "good"}


def _has_numbers(server: Prometheus, expression: str) -> bool:
    return any(math.isfinite(value) for _, value in server.query(expression))
