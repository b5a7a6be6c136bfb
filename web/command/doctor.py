"""`speech-dispatch doctor`: is this machine, its Redis and the fleet as they should be."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import asdict
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from web.command.operator_text import count, plain
from web.doctor.examination import examine
from web.doctor.finding import Finding, Level, worst

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "bold red"}
_LEVEL_WIDTH, _CHECK_WIDTH = 9, 16
_WIDEST = 110


def add_doctor_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.epilog = (
        "It reads the same environment as the processes (REDIS_URL and the others) and changes nothing.\n\n"
        "Exit codes: 0 nothing failed, 1 warnings (with --strict only), 2 something failed."
    )
    parser.add_argument(
        "--url", default="", help="a web process, or the proxy before it: is it ready, does a WebSocket open"
    )
    parser.add_argument("--strict", action="store_true", help="let warnings count: exit code 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")


def run_doctor(args: Namespace) -> int:
    """Make all checks, say each as it is made; give the exit code."""
    findings = examine(args.url)
    found = list(findings) if args.json else _say_all(findings)
    level = worst(found)
    if args.json:
        checks = [asdict(finding) for finding in found]
        print(json.dumps({"level": level, "checks": checks}, ensure_ascii=False), flush=True)
    if level is Level.FAILED:
        return 2
    return int(level is Level.WARNING and args.strict)


def _say_all(findings: Iterable[Finding]) -> list[Finding]:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    wide = min(console.width, _WIDEST)
    found = []
    for finding in findings:
        found.append(finding)
        console.print(line(finding, wide))
    console.print(f"\n{_summary(found)}")
    return found


def line(finding: Finding, wide: int) -> Text:
    """Give what a finding looks like on a terminal so ``wide``: what is so, below it what to do."""
    left = _LEVEL_WIDTH + _CHECK_WIDTH
    told = wrap(plain(finding.says), max(wide - left, 30)) or [""]
    text = Text(f"{finding.level:<{_LEVEL_WIDTH}}", style=_STYLES[finding.level])
    text.append(f"{finding.check:<{_CHECK_WIDTH}}", style="not bold default")
    text.append(f"\n{' ' * left}".join(told), style="not bold default")
    if finding.advice:
        for at, part in enumerate(wrap(plain(finding.advice), max(wide - left - 2, 28))):
            text.append(f"\n{' ' * left}{'  ' if at else '→ '}{part}", style="not bold default")
    return text


def _summary(found: list[Finding]) -> str:
    by_level = {level: sum(finding.level is level for finding in found) for level in Level}
    bad = [
        count(by_level[Level.FAILED], "check failed", "checks failed") if by_level[Level.FAILED] else "",
        count(by_level[Level.WARNING], "warning") if by_level[Level.WARNING] else "",
    ]
    said = ", ".join(part for part in bad if part)
    return f"{said}, {by_level[Level.OK]} ok." if said else f"All {len(found)} checks are ok."
