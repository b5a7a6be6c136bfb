"""``make bench-report``: the stable ratios beside those last recorded. A report: it never fails for a figure.

It fails where something could not be measured.
Ratios of two things measured by turns hold on a busy machine where absolute figures do not; still a shared
machine may be off by a tenth, so a person reads this.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "results" / "recorded.json"
STABLE = (
    "roundtrip_vs_celery", "roundtrip_vs_bare", "roundtrip_20k_vs_bare", "latency_vs_celery",
    "heartbeats_vs_bare", "reserve_100k_vs_100", "waiting_100k_vs_100",
)  # fmt: skip
_WORDS = (
    "--plan", "ci", "--only", "roundtrip", "heartbeats", "reserve",
    "--peers", "celery_prefork", "celery_threads",
)  # fmt: skip
#: A change by more than this is pointed out.
_NOTABLE = 0.1


def main() -> None:
    """Measure, print, and record on wish."""
    parser = argparse.ArgumentParser(prog="make bench-report", description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep these figures to compare with")
    parser.add_argument("--output", type=Path, default=Path("build/bench-report.json"))
    args = parser.parse_args()
    args.output.unlink(missing_ok=True)
    words = [sys.executable, "-m", "bench", *_WORDS, "--output", str(args.output)]
    done = subprocess.run(words, capture_output=True, text=True)
    if not args.output.exists():
        sys.exit(f"nothing was measured:\n{done.stderr[-2000:]}")
    measured = json.loads(args.output.read_text())
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    print(compare(measured, recorded))
    if args.record:
        kept = {name: measured[name] for name in ("ratios", "taken", "cores", "processor", "versions")}
        RECORDED.write_text(json.dumps(kept, indent=1) + "\n")
    if done.returncode:
        sys.exit(done.stderr[-2000:])


def compare(measured: dict[str, Any], recorded: dict[str, Any]) -> str:
    """Give a line for each stable ratio."""
    lines = [f"ratios now, and as recorded on {recorded.get('taken', 'no day yet')}"]
    for name in STABLE:
        now, then = (each.get("ratios", {}).get(name) for each in (measured, recorded))
        if now is None:
            lines.append(f"  {name:24} not measured")
        elif then is None:
            lines.append(f"  {name:24} {now:8.3f}")
        else:
            change = now / then - 1
            remark = "  <- look at this" if abs(change) > _NOTABLE else ""
            lines.append(f"  {name:24} {now:8.3f} {then:8.3f} {change:+7.0%}{remark}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
