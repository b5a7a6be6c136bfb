"""What Flower shows, read from its HTTP API."""

import json
import urllib.error
import urllib.request
from typing import Any


class Flower:
    """Its HTTP API."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._url = f"http://127.0.0.1:{port}/api/"

    def get(self, path: str) -> Any:
        """Give an answer; nothing while Flower starts."""
        try:
            with urllib.request.urlopen(self._url + path, timeout=10) as reply:
                return json.load(reply)
        except urllib.error.URLError:
            return {}

    def registered(self) -> list[set[str]]:
        """Tasks each worker knows."""
        workers = self.get("workers").values()
        return [set(worker["registered"]) for worker in workers if "registered" in worker]

    def results(self, task: str) -> list[str]:
        """What the runs of a task gave that succeeded."""
        tasks = self.get(f"tasks?taskname={task}&state=SUCCESS").values()
        return [each["result"] for each in tasks]
