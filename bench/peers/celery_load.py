"""Round trips of Celery: ``delay``, and ``get`` in the order of asking."""

from typing import Any

from bench.peers.celery_app import echo
from bench.peers.load import read_load, run, tell

_IN_FLIGHT = 2000


def _have(result: Any) -> str:
    return str(result.get(timeout=60))


if __name__ == "__main__":
    tell(run(read_load(_IN_FLIGHT), echo.delay, _have))
