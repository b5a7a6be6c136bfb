"""Units of systemd are understood by systemd, start our command, and give it the time it needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scheduling.settings import Settings
from tests.programs import needs
from web.command.main import main

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
_EXEC = re.compile(r"^ExecStart=(\S+) (.+)$", re.MULTILINE)


def ids(path: Path) -> str:
    return path.name


@needs("systemd-analyze", "systemd")
def test_systemd_understands_all_of_them(tmp_path: Path) -> None:
    """Verified with a program that is there in place of the one in /opt."""
    program = shutil.which("true")
    names = []
    for unit in [*UNITS, *(ROOT / "deploy" / "systemd").glob("*.target")]:
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(_EXEC.sub(rf"ExecStart={program} \2", text), encoding="utf-8")
        names.append(str(tmp_path / unit.name.replace("@.", "@5010.")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "speech-dispatch" in line]
    assert not ours


@pytest.mark.parametrize("unit", UNITS, ids=ids)
def test_what_is_started_is_a_command_with_options_it_knows(
    unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _EXEC.search(unit.read_text(encoding="utf-8"))
    assert found is not None
    words = found[2].replace("%i", "5010").split()
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in words if word.startswith("--"))


@pytest.mark.parametrize("unit", UNITS, ids=ids)
def test_a_process_has_time_to_end_and_is_not_started_again_in_vain(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    assert "RestartPreventExitStatus=2" in text
    assert "NoNewPrivileges=yes" in text
    found = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert found is not None
    if "web@" in unit.name:
        fields = Settings.model_fields
        assert int(found[1]) > fields["shutdown_s"].default + fields["restart_spread_s"].default
        files = re.search(r"^LimitNOFILE=(\d+)$", text, re.MULTILINE)
        assert files is not None
        assert int(files[1]) > fields["max_connections"].default
