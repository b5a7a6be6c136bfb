"""Ports of this machine: whether one can be had, and one that nobody uses."""

import errno
import random
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

from web.command.errors import BadAddress, CommandError, PortInUse

LOOPBACK = "127.0.0.1"
#: Ports that systems give to nobody by themselves.
_UNASKED = range(20_000, 32_000)
_ANSWER_S = 1.0
_ANY = ("", "0.0.0.0", "::")


def reachable(host: str) -> str:
    """Give the address under which this machine itself reaches what is bound to `host`."""
    return LOOPBACK if host in _ANY else host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to `host`."""
    return host in ("localhost", "::1") or host.startswith("127.")


def require_free(host: str, port: int, purpose: str, option: str) -> None:
    """Raise `PortInUse`, naming the port and the option that changes it, when `port` cannot be bound."""
    if not 0 <= port < 65536:
        raise BadAddress(f"{port} is no port: choose one up to 65535 with {option}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do it: connections that linger after a restart are not somebody who listens.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise BadAddress(f"{purpose} cannot listen on {host}: {error.strerror}.") from error
            raise PortInUse(host, port, purpose, option) from error


def answers(host: str, port: int, path: str) -> bool:
    """Whether an HTTP server there says 200 to `GET path`, within a second."""
    connection = HTTPConnection(host, port, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Give one port, see `free_ports`."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Give the first of `count` successive ports of the loopback interface that nobody listens on just now.

    They lie below those a system gives to outgoing connections, so that none of these takes one before its
    server has.
    """
    for first in random.sample(_UNASKED, len(_UNASKED)):
        with suppress(PortInUse):
            for port in range(first, first + count):
                require_free(LOOPBACK, port, "a server", "--port")
            return first
    raise CommandError("This machine has no free port.")
