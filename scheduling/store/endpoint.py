"""Where the server is, and how a connection to it is opened."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from redis.connection import Connection as TcpConnection
from redis.connection import UnixDomainSocketConnection, parse_url
from redis.exceptions import RedisError

from scheduling.errors import StoreUnavailable
from scheduling.store import replies

_OPTIONS: dict[str, Any] = {
    # Lists and bytes whatever the server speaks; nothing is pushed to us.
    "protocol": 2,
    # Saves two round trips on every connect.
    "driver_info": None,
}


class Connection(Protocol):
    """What we use of redis-py's connections, which have no types of their own."""

    def connect(self) -> None:
        """Connect and greet."""

    def disconnect(self) -> None:
        """Close, at once."""

    def can_read(self, timeout: float) -> bool:
        """Whether something has come, or the peer has closed."""

    def send_packed_command(self, command: Iterable[bytes], check_health: bool) -> None:
        """Send packed commands."""

    def read_response(self, *, disconnect_on_error: bool) -> Any:
        """Wait for the next reply."""

    def update_current_socket_timeout(self, relaxed_timeout: float) -> None:
        """Bound each wait for the socket from now on (s)."""

    def _get_socket(self) -> Any: ...


class Endpoint:
    """The server of a URL (``redis://``, ``rediss://``, ``unix://``), or the one it said to ask instead.

    Options stand in the URL as redis-py has them: ``rediss://host?ssl_ca_certs=ca.pem``. Raises
    `ValueError` for a URL that is none of these.
    """

    def __init__(self, url: str, *, client_name: str) -> None:
        options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        kind = options.pop("connection_class", TcpConnection)
        self._open: Callable[..., Connection] = kind
        self._has_address = not issubclass(kind, UnixDomainSocketConnection)
        self._options = _OPTIONS | options | {"client_name": client_name}
        self._moved: dict[str, Any] = {}

    def open(self, timeout_s: float) -> Connection:
        """Connect, authenticate, choose the database.

        ``timeout_s`` bounds each step, and later each wait for the socket. Raises `StoreUnavailable`.
        """
        connection = self._open(**self._options | self._moved, socket_timeout=timeout_s)
        try:
            connection.connect()
        except (RedisError, OSError) as error:
            # The server we were sent to may be gone as well; that of the URL knows where to go next.
            self._moved = {}
            raise StoreUnavailable(str(error)) from error
        return connection

    def follow(self, reply: str) -> None:
        """Connect from now on, until that fails, where a ``MOVED`` reply points; ignore any other."""
        address = replies.moved_to(reply)
        if address and self._has_address:
            here = self._moved.get("host") or self._options.get("host", "localhost")
            self._moved = {"host": address[0] or here, "port": address[1]}
