"""Ports that are taken, and ports that are not."""

import socket

import pytest

from web.command.errors import BadAddress, PortInUse
from web.command.ports import LOOPBACK, free_port, free_ports, is_loopback, reachable, require_free


def test_a_port_in_use_is_named_with_the_option_that_changes_it() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"Port {port} .* Flower, .*--flower-port"):
            require_free(LOOPBACK, port, "Flower", "--flower-port")


def test_a_free_port_is_free_also_when_connections_of_the_last_server_linger() -> None:
    """A server that closed first leaves TIME_WAIT behind, which must not forbid the next start."""
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        port = server.getsockname()[1]
        server.accept()[0].close()
        assert client.recv(1) == b""
    require_free(LOOPBACK, port, "a web process", "--port")
    require_free("0.0.0.0", free_port(), "a web process", "--port")


def test_successive_free_ports_are_all_free() -> None:
    first = free_ports(5)
    for port in range(first, first + 5):
        require_free(LOOPBACK, port, "a test", "none")


def test_addresses() -> None:
    assert reachable("0.0.0.0") == LOOPBACK
    assert reachable("10.1.2.3") == "10.1.2.3"
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("127.0.0.1", -1), ("192.0.2.1", 5010)])
def test_what_cannot_be_listened_on_is_not_called_in_use(host: str, port: int) -> None:
    """An address of another machine was said to be in use by another program; port 99999 was a traceback."""
    with pytest.raises(BadAddress):
        require_free(host, port, "the web process", "--port")
