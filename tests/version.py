"""A newer version of the code, made from this one: what it adds is what one schema allows."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: File to pattern and replacement; each must be found.
_ADDITIONS = {
    # Every entry in an inbox has a field more, and is followed by one of a new kind.
    "lua/include/ground.lua": (
        r"( +)(if not redis\.call\('XADD', inbox, .*?), \.\.\.\)",
        r"\1redis.call('XADD', inbox, '*', 'kind', 'greeting')\n\1\2, 'added', 'x', ...)",
    ),
    # Records of jobs and sessions, entries of out streams and of the outbox have one more as well.
    "lua/reserve.lua": (r"'created_ms', now,", "'created_ms', now, 'added', 'x',"),
    "lua/open_session.lua": (r"'profile', ARGV\[3\],", "'profile', ARGV[3], 'added', 'x',"),
    "lua/include/out.lua": (r"200, id, \.\.\.", "200, id, 'added', 'x', ..."),
    "lua/include/finish.lua": (r"'job', job\.id\)", "'job', job.id, 'added', 'x')"),
    # What is kept as JSON or lines of it.
    "scheduling/instances.py": (
        r"class Instance\(WireModel\):",
        'class Instance(WireModel):\n    added: str = "x"',
    ),
    "scheduling/jobspec.py": (r"\{self\.view\}\"", r'{self.view}\\nadded"'),
    # A task of its own, which its beat sends once a second.
    "tasks/configuration.py": (r"PERIODIC = \{", 'PERIODIC = {\n    "tasks.control.added": (1.0, CONTROL),'),
    "tasks/control.py": (
        r"\Z",
        '\n\n@app.task(name="tasks.control.added")\ndef added() -> str:\n    return "done"\n',
    ),
}


def newer_version(folder: Path) -> Path:
    """Write it into a folder, which is given back; the digest of every script is another one."""
    for package in ("agent", "lua", "scheduling", "tasks", "web"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (folder / "lua").rglob("*.lua"):
        script.write_text(script.read_text() + "\n-- newer\n")
    for name, (pattern, replacement) in _ADDITIONS.items():
        text, found = re.subn(pattern, replacement, (folder / name).read_text(), count=1)
        assert found, f"{name} has no {pattern}"
        (folder / name).write_text(text)
    return folder


def with_layout(folder: Path, schema: str) -> Path:
    """Write a version with another layout of the keys into a folder."""
    newer_version(folder)
    for name, pattern in (
        ("lua/include/ground.lua", r"(local SCHEMA = )'\d+'"),
        ("scheduling/keys.py", r"(SCHEMA: Final = )\"\d+\""),
    ):
        text, found = re.subn(pattern, rf"\g<1>'{schema}'", (folder / name).read_text())
        assert found == 1, name
        (folder / name).write_text(text)
    return folder
