"""GPUs, as nvidia-smi reports them. The program here is a script that speaks its format."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.hardware import Meter, hardware
from scheduling.messages import GpuInfo

Smi = Callable[[str], None]


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smi:
    """Put a program called nvidia-smi first on the path."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def install(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return install


def test_lists_the_gpus(smi: Smi) -> None:
    smi('[ "$1" = --query-gpu=name,memory.total ] && printf "NVIDIA L4, 23034\\nTesla T4, 15360\\n"')
    assert hardware().gpus == [
        GpuInfo(name="NVIDIA L4", memory_gb=22),
        GpuInfo(name="Tesla T4", memory_gb=15),
    ]


def test_reports_the_busiest_one(smi: Smi) -> None:
    smi('printf "12, 4096, 16384\\n87, 8192, 16384\\n[N/A], 0, 16384\\n"')
    usage = Meter(has_gpu=True).usage(0)
    assert (usage.gpu_percent, usage.gpu_mem_percent) == (87.0, 50.0)


@pytest.mark.parametrize("script", ["exit 9", "echo 'NVIDIA-SMI has failed'", ""])
def test_a_driver_in_trouble_means_no_gpu(smi: Smi, script: str) -> None:
    smi(script)
    assert hardware().gpus == []
    assert Meter(has_gpu=True).usage(0).gpu_percent is None
