"""Where the server is, and how a connection to it is opened."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol

from redis.connection import Connection as TcpConnection
from redis.connection import UnixDomainSocketConnection
from redis.exceptions import RedisError

from scheduling.errors import StoreUnavailable
from scheduling.store import replies
from scheduling.store.address import read_address
from scheduling.store.sentinels import Sentinels
from scheduling.store.wire import pack

_OPTIONS: dict[str, Any] = {
    # Lists and bytes whatever the server speaks; nothing is pushed to us.
    "protocol": 2,
    # Saves two round trips on every connect.
    "driver_info": None,
}


_LOOK_S = 1.0
"""How often the Sentinels are asked whether the master is still the same, while calls are made."""


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
    """The server of a URL, or the one it said to ask instead, or whichever its Sentinels call the master.

    URLs are those of `scheduling.store.address`: ``redis://``, ``rediss://``, ``unix://``, each with options
    of redis-py (``rediss://host?ssl_ca_certs=ca.pem``), and ``redis+sentinel://``. Raises `ValueError` for
    a URL that is none of these.
    """

    def __init__(self, url: str, *, client_name: str) -> None:
        address = read_address(url)
        options = dict(address.options)
        kind = options.pop("connection_class", TcpConnection)
        self._open: Callable[..., Connection] = kind
        self._has_address = not issubclass(kind, UnixDomainSocketConnection)
        self._options = _OPTIONS | options | {"client_name": client_name}
        self._sentinels = Sentinels(address) if address.sentinels else None
        self._moved: dict[str, Any] = {}
        self._master: tuple[str, int] | None = None
        self._looked_s = 0.0

    def open(self, timeout_s: float) -> Connection:
        """Connect, authenticate, choose the database; where there are Sentinels, to a master only.

        ``timeout_s`` bounds each step, and later each wait for the socket. Raises `StoreUnavailable`.
        """
        place = self._place(timeout_s)
        connection = self._open(**self._options | place, socket_timeout=timeout_s)
        try:
            connection.connect()
            if self._sentinels:
                _require_master(connection)
        except (RedisError, OSError) as error:
            connection.disconnect()
            # The server we were sent to may be gone as well; that of the URL knows where to go next.
            self._moved = {}
            if self._sentinels:
                self._sentinels.doubt()
            raise StoreUnavailable(str(error)) from error
        return connection

    def follow(self, reply: str) -> None:
        """Connect from now on, until that fails, where a ``MOVED`` reply points; ignore any other."""
        address = replies.moved_to(reply)
        if address and self._has_address:
            here = self._moved.get("host") or self._options.get("host", "localhost")
            self._moved = {"host": address[0] or here, "port": address[1]}

    @property
    def may_have_moved(self) -> bool:
        """Whether it is time to ask the Sentinels again; never without any."""
        return self._sentinels is not None and monotonic() - self._looked_s >= _LOOK_S

    def has_moved(self) -> bool:
        """Ask the Sentinels whether the master is another one by now; False where none of them knows.

        In a planned switch the former master goes on taking writes for some 10 s, all of which are lost:
        only then do the Sentinels make it a replica. They name the new one at once.
        """
        if self._sentinels is None:
            return False
        self._looked_s = monotonic()
        former = self._master
        try:
            return self._sentinels.master(_LOOK_S) != former
        except StoreUnavailable:
            return False

    def _place(self, timeout_s: float) -> dict[str, Any]:
        """Give what of the address is not in the URL."""
        if not self._sentinels:
            return self._moved
        self._looked_s = monotonic()
        self._master = host, port = self._sentinels.master(timeout_s)
        return {"host": host, "port": port}


def _require_master(connection: Connection) -> None:
    """Raise `RedisError` unless the server itself says that it is a master.

    Sentinels name a new one a moment before it is one, and one of the past until they have heard.
    """
    connection.send_packed_command([pack(("ROLE",))], check_health=False)
    role = connection.read_response(disconnect_on_error=False)[0]
    if role != b"master":
        raise RedisError(f"the server that is to be the master says it is a {role.decode()}")
