"""The files around the code: what is locked, what a platform starts, what git leaves out."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from web.command.main import _parser

ROOT = Path(__file__).parents[3]


def locked() -> dict[str, str]:
    """Give the version of every package in the lock file."""
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)==(\S+)(?: ; [^\\\n]+)? \\$",
        (ROOT / "requirements.lock").read_text(),
        re.MULTILINE,
    )
    return {canonicalize_name(name): version for name, version in pinned}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_everything_the_project_asks_for_is_locked_at_a_version_it_accepts() -> None:
    """A requirement added without `make lock` would install on the author's machine only."""
    table, versions = project(), locked()
    asked = [*table["project"]["dependencies"], *table["build-system"]["requires"]]
    for extra in table["project"]["optional-dependencies"].values():
        asked += extra
    for requirement in map(Requirement, asked):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in requirements.lock: run make lock"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{requirement} but locked {version}"
        )


def test_every_locked_package_has_hashes_and_no_package_names_its_source() -> None:
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=\S+==)", text)[1:]
    assert len(blocks) == len(locked())
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)


def test_every_line_of_the_procfile_is_a_command_we_have() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert list(lines) == ["web", "worker", "beat", "flower"]
    for name, command in lines.items():
        program, *words = shlex.split(command.replace("${PORT:-5010}", "8000"))
        assert program == "speech-dispatch"
        assert _parser(words).parse_args(words).command == name


def test_git_keeps_the_recordings_of_the_tests_and_leaves_out_what_a_stack_writes() -> None:
    def is_ignored(path: str) -> bool:
        return subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 0

    assert is_ignored("data/valkey/lock")
    assert not is_ignored("tests/data/new.wav")
