"""A TCP proxy in front of a server, that can lose an answer or offer TLS."""

import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Proxy:
    """Passes bytes both ways between its own port and a port of the loopback interface."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._upstream = port
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}"
        self.accepted = 0
        """Connections so far."""
        self.lost = Event()
        """Set when an answer was lost as `lose_next_answer` asked."""
        self._lose = False
        self._sockets: list[socket.socket] = []
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def lose_next_answer(self) -> None:
        """Swallow what the server says next, and cut the connection."""
        self._lose = True

    def lead_to(self, port: int) -> None:
        """Take connections that come from now on to another server; those there are stay."""
        self._upstream = port

    def cut(self) -> None:
        """Break every connection."""
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5.0)
        for sock in self._sockets:
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                with suppress(ssl.SSLError):
                    self._join(
                        self._context.wrap_socket(client, server_side=True) if self._context else client
                    )

    def _join(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._upstream))
        self._sockets += [client, server]
        self.accepted += 1
        for pump in ((client, server, False), (server, client, True)):
            thread = Thread(target=self._pump, args=pump, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self._lose:
                    self._lose = False
                    self.lost.set()
                    break
                target.sendall(data)
        for sock in (source, target):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for the loopback address; give its file and a server's context that has it."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
