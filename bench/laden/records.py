"""The recorded commands of an utterance as scripts: of its reservation, its completion, its release."""

import json
import os
from pathlib import Path

import redis

PLACE = "LADEN_RECORDS"
STEPS = ("reserve", "complete", "release")


def write(path: Path, scripts: list[list[str]]) -> None:
    """Keep the Lua lines of each step for the processes of the path. Raises `ValueError` for other steps."""
    sources = ["\n".join([*lines, "return 1"]) for lines in scripts]
    path.write_text(json.dumps(dict(zip(STEPS, sources, strict=True))))


def load(client: redis.Redis) -> dict[str, str]:
    """Give the digest of each step's script, known to the server from now on."""
    sources = json.loads(Path(os.environ[PLACE]).read_text())
    return {step: str(client.script_load(source)) for step, source in sources.items()}
