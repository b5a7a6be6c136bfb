"""A real Prometheus with our own files, but for how often it looks."""

import http
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.stack import ROOT
from tests.valkey import free_port

yaml = pytest.importorskip("yaml")

_FILES = ROOT / "deploy" / "prometheus"


class Prometheus:
    """It scrapes one port every second; an alert fires at the second look that finds it."""

    def __init__(self, folder: Path, port: int, token: str = "") -> None:
        config = yaml.safe_load((_FILES / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        job = config["scrape_configs"][0]
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
        if token:
            (folder / "token").write_text(token)
            job["authorization"] = {"credentials_file": str(folder / "token")}
        (folder / "prometheus.yml").write_text(json.dumps(config))
        alerts = (_FILES / "alerts.yml").read_text()
        (folder / "alerts.yml").write_text(re.sub(r"(?m)^( +for:) .*$", r"\1 1s", alerts))
        self._folder = folder
        self._port = free_port()

    def __enter__(self) -> Self:
        options = (
            f"--config.file={self._folder}/prometheus.yml",
            f"--storage.tsdb.path={self._folder}/data",
            f"--web.listen-address=127.0.0.1:{self._port}",
        )
        self._server = subprocess.Popen(
            ["prometheus", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.terminate()
        self._server.wait()

    def ask(self, path: str, **query: str) -> Any:
        """Give what its HTTP API says; None while it starts. Fails for a question it does not understand."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return json.loads(reply.read())["data"]
        except urllib.error.HTTPError as error:
            with error:
                assert error.code == http.HTTPStatus.SERVICE_UNAVAILABLE, f"{query}: {error.read()!r}"
            return None
        except OSError:
            return None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Give labels and value of all that an expression finds now."""
        found = self.ask("query", query=expression) or {"result": ()}
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def alerts(self) -> dict[str, str]:
        """Give the state of each alert that is not silent."""
        found = self.ask("alerts") or {"alerts": ()}
        return {one["labels"]["alertname"]: one["state"] for one in found["alerts"]}
