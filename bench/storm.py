"""``make storm``: 5,000 clients connect in the same moment to a web process on which others are speaking.

The last line is JSON: when all were inside, how many handshakes were turned away on the way, and how long
utterances of those connected before took, before and during the storm (ms beyond the service time).
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

from websockets.asyncio.client import ClientConnection, connect

from bench.figures import quantile
from bench.overload_load import utterance
from bench.stack import Stack

_SPEAKERS = 20
_SERVICE_MS = 100.0
_EVERY_S = 0.5
_QUIET_S = 10.0
_SOUND = "QUJD" * 800


class Speakers:
    """Sessions that were there before the storm, each with an utterance now and then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_over = False
        self.took_ms: list[float] = []
        self.errors = 0

    async def speak(self) -> None:
        """Speak in all of them until told to `stop`."""
        await asyncio.gather(*(self._session(number) for number in range(_SPEAKERS)))

    def stop(self) -> None:
        """End after the utterances that are under way."""
        self._is_over = True

    def take(self) -> list[float]:
        """Give what was measured since the last time."""
        taken, self.took_ms = self.took_ms, []
        return taken

    async def _session(self, number: int) -> None:
        async with connect(self._url, compression=None) as socket:
            opening = {"client_version": "bench", "platform": "web", "src_lang": "en", "tgt_lang": "pt"}
            await socket.send(json.dumps({"type": "session_init", **opening}))
            session_id = json.loads(await socket.recv())["session_id"]
            await asyncio.sleep(_EVERY_S * number / _SPEAKERS)
            index = 0
            while not self._is_over:
                began_s = time.perf_counter()
                await socket.send(json.dumps(utterance(session_id, index, _SOUND)))
                if await _ended(socket):
                    self.took_ms.append(1000 * (time.perf_counter() - began_s) - _SERVICE_MS)
                else:
                    self.errors += 1
                index += 1
                await asyncio.sleep(_EVERY_S)


async def _ended(socket: ClientConnection) -> bool:
    async with asyncio.timeout(30):
        while True:
            kind = json.loads(await socket.recv())["type"]
            if kind in ("translation_result", "missing_result", "error"):
                return bool(kind == "translation_result")


async def storm(stack: Stack, clients: int) -> dict[str, object]:
    """Measure in quiet, then let the crowd come."""
    speakers = Speakers(f"ws://127.0.0.1:{stack.port}/ws/session")
    speaking = asyncio.create_task(speakers.speak())
    await asyncio.sleep(2)
    speakers.take()
    await asyncio.sleep(_QUIET_S)
    quiet = speakers.take()
    command = [
        sys.executable,
        "-m",
        "bench.storm_crowd",
        "--port",
        str(stack.port),
        "--clients",
        str(clients),
    ]
    crowd = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert crowd.stdout is not None
    await crowd.stdout.readline()
    during = speakers.take()
    process = json.loads(await asyncio.to_thread(_get, f"http://127.0.0.1:{stack.port}/api/v1/process"))
    figures: dict[str, object] = json.loads((await crowd.stdout.read()).splitlines()[-1])
    await crowd.wait()
    speakers.stop()
    await speaking
    return figures | {
        "sockets_of_the_server": process["sockets"], "connected_before": _SPEAKERS,
        "their_errors": speakers.errors,
        "their_ms_before": [quantile(quiet, share) for share in (0.5, 0.99)],
        "their_ms_during": [quantile(during, share) for share in (0.5, 0.99)],
    }  # fmt: skip


def _get(url: str) -> bytes:
    with urlopen(url, timeout=30) as reply:
        return bytes(reply.read())


def main() -> None:
    """Run one storm and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=5000)
    args = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the crowd has a file for each client
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(json.dumps(asyncio.run(storm(Stack(stack, folder, 2, 16, _SERVICE_MS), args.clients))))


if __name__ == "__main__":
    main()
