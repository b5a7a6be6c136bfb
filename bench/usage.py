"""What processes use, as Linux counts it."""

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Give a process and all that descend from it; empty for one that is gone."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in tree(int(child)))]


def rss_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants."""
    return sum(_field(member, "statm", 1) for member in tree(pid)) * _PAGE


def cpu_s(pid: int) -> float:
    """Processor time of a process and its descendants, of those that ended too, s."""
    return sum(_ticks(member) for member in tree(pid)) * _TICK_S


def own_cpu_s(pid: int) -> float:
    """Processor time of a process alone, s."""
    return sum(_times(pid)[:2]) * _TICK_S


def _ticks(pid: int) -> int:
    """Time of the process itself in both modes, and of the children it has waited for."""
    return sum(_times(pid))


def _times(pid: int) -> list[int]:
    try:
        # The name, in parentheses, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [0, 0, 0, 0]
    return [int(fields[at]) for at in range(11, 15)]


def _field(pid: int, name: str, at: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/{name}").read_text().split()[at])
    except OSError:
        return 0
