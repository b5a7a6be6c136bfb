"""Round trips of Dramatiq."""

from typing import Any

from bench.peers.dramatiq_app import echo
from bench.peers.load import read_load, run, tell

_IN_FLIGHT = 200


def _have(message: Any) -> str:
    return str(message.get_result(block=True, timeout=60_000))


if __name__ == "__main__":
    tell(run(read_load(_IN_FLIGHT), echo.send, _have))
