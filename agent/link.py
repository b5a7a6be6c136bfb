"""The node's line to its server, which may be up or down at any moment."""

from __future__ import annotations

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from scheduling.messages import Message, dump

#: How a server begins to say that the credential is refused; a proxy says it otherwise.
CREDENTIAL_REFUSALS = ("UNAUTHORIZED: ", "FORBIDDEN: ")


def bearer(token: str) -> dict[str, str]:
    """Give the header that shows a token to a server; none without a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


class Link:
    """Sends when there is a registered socket. Also knows the node's id, which outlives the socket."""

    def __init__(self, node_id: str | None = None) -> None:
        self.node_id = node_id
        self.result_acks = False
        """The server says of each result when it is on record; one that does not is asked by pings."""
        self._socket: ClientConnection | None = None

    def up(self, socket: ClientConnection, node_id: str, *, result_acks: bool = False) -> None:
        """Note that the server took the node in over this socket, under this id."""
        self._socket, self.node_id, self.result_acks = socket, node_id, result_acks

    def down(self) -> None:
        """Note that the socket is gone."""
        self._socket = None

    async def send(self, message: Message) -> bool:
        """Send a message; False if the line is down. True means written, not read: see `confirm`."""
        socket = self._socket
        if socket is None:
            return False
        try:
            await socket.send(dump(message))
        except ConnectionClosed:
            return False
        return True

    async def confirm(self) -> bool:
        """Wait until the server has read everything sent before: it answers pings in their turn."""
        socket = self._socket
        if socket is None:
            return False
        try:
            await (await socket.ping())
        except ConnectionClosed:
            return False
        return True

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, if the line is up."""
        if self._socket is not None:
            await self._socket.close(code, reason)


def advised(problem: str) -> str:
    """Add to the refusal of a credential how a command is given one."""
    if not problem.startswith(CREDENTIAL_REFUSALS):
        return problem
    return f"{problem} A command shows the token of --token or SPEECH_DISPATCH_TOKEN."
