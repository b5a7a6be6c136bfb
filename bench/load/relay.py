"""The control: a server that only carries messages from clients to nodes and back.

What the generators reach with it is the most that they could measure. Prints its port.
"""

import signal
import socket
from functools import partial

from bench.load.frames import text_of, unmasked
from bench.load.loop import Loop, Peer


class Relay:
    """Clients by session, nodes in turn."""

    def __init__(self) -> None:
        self._loop = Loop()
        self._nodes: list[Peer] = []
        self._clients: dict[bytes, Peer] = {}
        self._turn = 0

    def run(self) -> None:
        """Serve until SIGTERM."""
        signal.signal(signal.SIGTERM, lambda *_: self._loop.stop())
        print(self._loop.listen(self._accept), flush=True)
        self._loop.run()

    def _accept(self, sock: socket.socket) -> None:
        self._loop.add(sock, self._shake, self._first)

    def _shake(self, peer: Peer, head: bytes) -> None:
        self._loop.send(peer, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    def _first(self, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"node_register"'):
            self._nodes.append(peer)
            peer.on_message = self._from_node
            self._say(peer, b'{"type":"node_register_ack"}')
        else:
            session = b"s%d" % len(self._clients)
            self._clients[session] = peer
            peer.on_message = partial(self._from_client, session)
            self._say(peer, b'{"type":"session_init_ack","session_id":"%s"}' % session)

    def _from_client(self, session: bytes, peer: Peer, message: bytes) -> None:
        self._turn += 1
        job = b'{"type":"job_assign","job_id":"j%d","attempt_id":1,"session_id":"%s","utterance_index":1,'
        job += b'"trace_id":"t","audio":"%s"}'
        node = self._nodes[self._turn % len(self._nodes)]
        self._say(node, job % (self._turn, session, text_of(message, b'"audio":"')))

    def _from_node(self, peer: Peer, message: bytes) -> None:
        if message.startswith(b'{"type":"job_result"'):
            result = b'{"type":"translation_result","tts_audio":"%s"}' % text_of(message, b'"tts_audio":"')
            self._say(self._clients[text_of(message, b'"session_id":"')], result)

    def _say(self, peer: Peer, message: bytes) -> None:
        self._loop.send(peer, unmasked(message))


if __name__ == "__main__":
    Relay().run()
