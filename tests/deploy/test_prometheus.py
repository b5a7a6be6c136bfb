"""A real Prometheus with our own files scrapes a real stack; skipped outside CI where it is not installed."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.programs import needs
from tests.stack import ROOT, Stack, wait_until
from tests.valkey import free_port

yaml = pytest.importorskip("yaml")

pytestmark = needs("prometheus", "prometheus")


def ask(port: int, path: str, **query: str) -> Any:
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return json.loads(reply.read())["data"]
    except OSError:
        return None


def test_it_scrapes_all_processes_behind_one_port(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    shutil.copy(ROOT / "deploy/prometheus/alerts.yml", tmp_path)
    with Stack(web_concurrency=2, admin_token="secret") as own:
        (tmp_path / "token").write_text("secret")
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        job = config["scrape_configs"][0]
        job["authorization"] = {"credentials_file": str(tmp_path / "token")}
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{own.webs[0].port}"]
        (tmp_path / "prometheus.yml").write_text(json.dumps(config))
        port = free_port()
        options = (f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}")
        server = subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:

            def instances() -> set[str]:
                found = ask(port, "query", query="speech_dispatch_sockets")
                return {one["metric"]["instance"] for one in (found or {"result": ()})["result"]}

            wait_until(lambda: len(instances()) == 2, "both processes to be scraped")
            assert all(len(name.rsplit("-", 2)) == 3 for name in instances()), "the label is ours"

            def alerts() -> dict[str, str]:
                return {one["labels"]["alertname"]: one["state"] for one in ask(port, "alerts")["alerts"]}

            wait_until(
                lambda: {"NoWorker", "NoReadyNode"} <= alerts().keys(), "what is missing to be noticed"
            )
            assert "LedgerDown" not in alerts()
            (rules,) = ask(port, "rules")["groups"]
            assert all(rule["health"] == "ok" for rule in rules["rules"])
        finally:
            server.terminate()
            server.wait()
