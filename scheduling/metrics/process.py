"""What every process tells of itself, whatever it does."""

import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

from scheduling.metrics.reading import Reading

_VERSION = version("speech-dispatch")
_STATM = Path("/proc/self/statm")


def note_process(reading: Reading, kind: str, started_ms: int) -> None:
    """Note version, start (ms since 1970), processor time and memory, without children."""
    reading.set("info", 1, kind, _VERSION)
    reading.set("start_time_seconds", started_ms / 1000)
    reading.set("cpu_seconds_total", round(time.process_time(), 3))
    reading.set("resident_memory_bytes", resident_bytes())


def resident_bytes() -> int:
    """Give the memory of this process now; where the system does not tell, the most it ever had."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
