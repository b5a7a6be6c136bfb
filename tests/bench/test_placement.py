"""The measurement of placement runs and says what it is asked for; its figures are not judged here."""

import json
import subprocess
import sys


def test_a_small_run_reports_every_ratio() -> None:
    sizes = ["--calls", "500", "--nodes", "150", "--waiting", "150", "--no-kill"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.placement", *sizes], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert set(summary["reserve_us"]) == {
        "100-nodes", "100k-nodes", "300-classes", "full-but-one", "100-waiting", "100k-waiting",
    }  # fmt: skip
    ratios = [
        "reserve_100k_vs_100",
        "reserve_300_classes_vs_1",
        "reserve_full_but_one_vs_free",
        "reserve_100k_waiting_vs_100",
    ]
    assert all(summary[name] > 0 for name in ratios)
