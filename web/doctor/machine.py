"""What a web process could open and hold on this machine."""

import resource
from pathlib import Path

from web.doctor.finding import Finding, Findings, failed, ok, warning

#: Files a web process has open besides its sockets, generously.
OTHER_FILES = 256
#: Sockets that wait to be looked at in a storm (docs/operating.md).
_BACKLOG = 4096
_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def look_at_machine(max_connections: int) -> Findings:
    """Look at the limits of this process, which are those of others started the same way."""
    yield _files(max_connections)
    if _SOMAXCONN.exists():
        yield _backlog(int(_SOMAXCONN.read_text(encoding="ascii")))


def _files(max_connections: int) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + OTHER_FILES
    if hard in (-1, resource.RLIM_INFINITY) or hard >= wanted:
        told = "any number" if hard in (-1, resource.RLIM_INFINITY) else hard
        return ok(
            "files", f"A process may open {told} files; MAX_CONNECTIONS={max_connections} needs {wanted}."
        )
    advice = "Raise it (ulimit -Hn, LimitNOFILE= of systemd), or lower MAX_CONNECTIONS."
    says = f"A process may open {hard} files, too few for MAX_CONNECTIONS={max_connections}."
    return failed("files", says, advice) if hard <= OTHER_FILES else warning("files", says, advice)


def _backlog(most: int) -> Finding:
    if most >= _BACKLOG:
        return ok("backlog", f"{most} new connections may wait in the kernel.")
    return warning(
        "backlog",
        f"{most} new connections may wait in the kernel, fewer than a storm of clients brings.",
        f"sysctl -w net.core.somaxconn={_BACKLOG}",
    )
