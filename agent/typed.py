"""``speech-dispatch session``: a session typed by hand, with every message that goes over the wire.

For developers of clients, against a node that echoes: it takes text for speech. Each line is said as an
utterance of its own; one that begins with ``{`` is sent as it is, with the id of the session.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from agent.client import dial
from scheduling.redaction import redact

#: Longest member that is shown whole, in characters.
SHOWN_CHARS = 60


class Typed:
    """One session; ``show`` is given a line for each message, ``C`` from here and ``S`` from the server."""

    def __init__(self, src: str, tgt: str, show: Callable[[str], None]) -> None:
        self._languages = {"src_lang": src, "tgt_lang": tgt}
        self._show = show
        self._session_id = ""
        self._is_open = asyncio.Event()
        self._seq = 0

    async def run(self, url: str, lines: TextIO) -> int:
        """Say the lines, wait for the answers, say goodbye. 0 when it ended well, else 1.

        Raises `OSError`, `InvalidURI` or `InvalidHandshake`: no server answers there.
        """
        async with dial(url) as socket:
            await self._send(socket, type="session_init", client_version="1", platform="terminal",
                             audio_format="pcm16", **self._languages)  # fmt: skip
            listening = asyncio.create_task(self._listen(socket))
            typing = asyncio.create_task(self._type(socket, lines))
            await asyncio.wait({listening, typing}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                typing.cancel()
            return await listening

    async def _type(self, socket: ClientConnection, lines: TextIO) -> None:
        await self._is_open.wait()
        while line := await asyncio.to_thread(lines.readline):
            text = line.strip()
            if text.startswith("{"):
                await self._send(socket, **_members(text, self._session_id))
            elif text:
                await self._say(socket, text)
        await self._send(socket, type="session_close", session_id=self._session_id, reason="done")

    async def _say(self, socket: ClientConnection, text: str) -> None:
        audio = text.encode() + b" " * (len(text.encode()) % 2)  # pcm16 has two bytes a sample
        payload = base64.b64encode(audio).decode()
        seq, self._seq = self._seq, self._seq + 1
        await self._send(socket, type="audio_chunk", session_id=self._session_id, seq=seq, is_final=True,
                         payload=payload)  # fmt: skip

    async def _listen(self, socket: ClientConnection) -> int:
        try:
            while True:
                message = json.loads(await socket.recv())
                self._show(f"S  {_shown(message)}")
                if message["type"] == "session_init_ack":
                    self._session_id = message["session_id"]
                    self._is_open.set()
                elif message["type"] == "error" and not self._session_id:
                    return 1
                elif message["type"] == "session_close_ack":
                    return 0
        except ConnectionClosed as closed:
            said = closed.rcvd and f"{closed.rcvd.code} {closed.rcvd.reason}"
            self._show(f"-- the server closed: {said or 'without a word'}")
            return 1

    async def _send(self, socket: ClientConnection, **members: Any) -> None:
        self._show(f"C  {_shown(members)}")
        await socket.send(json.dumps(members))


async def converse(url: str, src: str, tgt: str) -> int:
    """Run a session on standard input and output; gives the exit code, 1 after a sentence on stderr."""
    try:
        return await Typed(src, tgt, lambda line: print(line, flush=True)).run(url, sys.stdin)
    except (OSError, TimeoutError, InvalidURI, InvalidHandshake) as error:
        print(
            redact(f"speech-dispatch session: {url} cannot be reached: {error}. Is it running?"),
            file=sys.stderr,
        )
        return 1


def _members(text: str, session_id: str) -> dict[str, Any]:
    """Read a message typed by hand; one that is no JSON object is sent for the server to complain about."""
    try:
        members: dict[str, Any] = json.loads(text)
    except ValueError:
        members = {"typed": text}
    return {"session_id": session_id} | members


def _shown(message: dict[str, Any]) -> str:
    """Give a message in one line, as it goes over the wire, long members cut."""
    return json.dumps(dict(_cut(message.items())), ensure_ascii=False)


def _cut(members: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    for name, value in members:
        is_long = isinstance(value, str) and len(value) > SHOWN_CHARS and name in ("payload", "tts_audio")
        yield name, f"{value[:SHOWN_CHARS]}…" if is_long else value
