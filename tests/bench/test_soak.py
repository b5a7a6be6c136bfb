"""The soak's own arithmetic, and one of a few seconds on the real stack."""

import json
import subprocess
import sys

from bench.soak import is_good, summary
from bench.soak_speaker import Score, Session, marked

KEYS = {
    "utterances", "results", "errors", "lost", "duplicated", "misordered", "resumed",
    "e2e_after_speech_ms_p50", "e2e_after_speech_ms_p99", "rss_growth_pct",
}  # fmt: skip


def _scored(said: int, *heard: int, ended: int = 0) -> Score:
    """Score a session that said so many utterances and heard these."""
    score = Score()
    session = Session("m", [], score)
    texts = [marked(f"m.{number} ").decode() for number in range(said)]
    session._spoken_s = dict.fromkeys(texts, 0.0)
    for number in heard:
        session._note(texts[number])
    session._ended = ended
    session._settle([])
    return score


def test_every_fault_is_counted_as_what_it_is() -> None:
    for score, name in (
        (_scored(3, 0, 1), "lost"),
        (_scored(2, 0, 1, 1), "duplicated"),
        (_scored(2, 1, 0), "misordered"),
        (_scored(3, 0, 1, ended=1), "errors"),
    ):
        report = summary(score, 0.0)
        faults = {name for name in ("errors", "lost", "duplicated", "misordered") if report[name]}
        assert faults == {name}
        assert not is_good(report)
    good = summary(_scored(3, 0, 1, 2), 5.0)
    assert (good["utterances"], good["results"], good.keys()) == (3, 3, KEYS)
    assert is_good(good)
    assert not is_good(summary(_scored(1, 0), 5.1))


def test_sound_that_nobody_spoke_is_no_result() -> None:
    score = Score()
    Session("m", [], score)._note("something else")
    assert score.results == 0 and "nobody said" in score.complaints[0]


def test_a_short_soak_loses_nothing() -> None:
    command = [sys.executable, "-m", "bench.soak", "--seconds", "4", "--sessions", "3"]
    command += ["--utterances", "2"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110)
    report = json.loads(run.stdout.splitlines()[-1])
    assert report.keys() == KEYS
    assert report["utterances"] == report["results"] > 0, run.stdout
    assert report["lost"] == report["errors"] == report["duplicated"] == report["misordered"] == 0
