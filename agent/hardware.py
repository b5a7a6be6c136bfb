"""What this machine has and how busy it is, from ``nvidia-smi`` and ``/proc``."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from scheduling.messages import GpuInfo, HardwareInfo, ResourceUsage

#: A driver in trouble lets nvidia-smi hang; a heartbeat must not wait for it. In s.
_SMI_TIMEOUT_S = 5.0
_KIB_PER_GIB = 1 << 20
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def hardware() -> HardwareInfo:
    """Cores, memory and GPUs; ``gpus`` is empty where there is no nvidia-smi, or it reports none."""
    memory = _meminfo().get("MemTotal", 0)
    return HardwareInfo(
        cpu_cores=os.cpu_count() or 1,
        memory_gb=max(1, round(memory / _KIB_PER_GIB)),
        gpus=[GpuInfo(name=name, memory_gb=_mib_to_gb(mib)) for name, mib in _smi("name", "memory.total")],
    )


class Meter:
    """Measures how busy the machine is; CPU between one call of `usage` and the next.

    Servers keep work away from a node whose CPU is busy. Where the CPU does the node's own work that
    would turn it away for doing it, so without a GPU the time of this process is left out: it is
    bounded by the node's slots, as the use of a GPU is.
    """

    def __init__(self, *, has_gpu: bool) -> None:
        self._has_gpu = has_gpu
        self._before = self._cpu_times()

    def usage(self, running_jobs: int) -> ResourceUsage:
        """Percentages 0 to 100. Blocks for up to 5 s where there is a GPU to ask."""
        gpu, gpu_memory = self._gpu() if self._has_gpu else (None, None)
        return ResourceUsage(
            cpu_percent=self._cpu(),
            gpu_percent=gpu,
            gpu_mem_percent=gpu_memory,
            mem_percent=_memory_percent(),
            running_jobs=running_jobs,
        )

    def _cpu(self) -> float:
        busy_before, all_before = self._before
        self._before = busy, everything = self._cpu_times()
        return _percent(busy - busy_before, everything - all_before)

    def _cpu_times(self) -> tuple[float, float]:
        """Return busy and total time of all cores since boot, in s; zeros where there is no /proc."""
        try:
            first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
        except OSError:
            return 0.0, 0.0
        spent = [float(value) / _TICKS_PER_S for value in first.split()[1:9]]
        idle = spent[3] + spent[4]
        own = 0.0 if self._has_gpu else time.process_time()
        return sum(spent) - idle - own, sum(spent)

    def _gpu(self) -> tuple[float | None, float | None]:
        """Return the busiest GPU's utilisation and memory."""
        rows = _smi("utilization.gpu", "memory.used", "memory.total")
        readings = [(_number(used), _percent(_number(taken), _number(whole))) for used, taken, whole in rows]
        return max(readings, default=(None, None))


def _smi(*fields: str) -> list[tuple[str, ...]]:
    """One row a GPU, of the fields asked for."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (tuple(part.strip() for part in line.split(",")) for line in done.stdout.splitlines())
    return [row for row in rows if len(row) == len(fields)]


def _meminfo() -> dict[str, int]:
    """Sizes in KiB by name; empty where there is no /proc."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def _memory_percent() -> float:
    sizes = _meminfo()
    total = sizes.get("MemTotal", 0)
    return _percent(total - sizes.get("MemAvailable", total), total)


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, max(0.0, 100.0 * part / whole)), 1) if whole > 0 else 0.0


def _number(text: str) -> float:
    """Read a number of nvidia-smi; "[N/A]" counts as nothing."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _mib_to_gb(mib: str) -> int:
    return max(1, round(_number(mib) / 1024))
