"""From what everybody saw to the last line: the figures, and whether they are good.

**Recovery** of a session from a fault: from the fault, or from the end of the earliest utterance that was
unanswered then or was spoken after it, whichever is later, to the next *result* the session gets. An error
does not end it. Every fault is set against every session, so nobody has to say whom it affected: who was not
has a short one.

**Explained** is an error when a fault that can be its cause was going on between the utterance's last sound
and its end, or had ended less than `AFTERMATH_S` before: one of a node that had tried the job, of a link of
nodes, of a web process or of Valkey. A drain, a delay and a throttled line explain nothing.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.conductor import Happened

MOST_RECOVERY_S = 15.0
MOST_ERRORS_PCT = 1.0
#: A node that was hit is believed to be there for so long, s: its silence, and a lease.
AFTERMATH_S = 10.0
_KILLS = {"kill", "crash", "stop"}
_LEDGER_WIDE = ("web-", "valkey", "node>")
_HARMLESS = {"drain", "delay", "throttle"}


@dataclass
class Score:
    """What the sessions reported, and what was learned about each error while its job was known."""

    sessions: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, dict[str, str]] = field(default_factory=dict)

    def all_said(self) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
        """Give each utterance with its session."""
        for session in self.sessions:
            for said in session["said"]:
                yield session, said

    def outcomes(self) -> Counter[str]:
        """Count the utterances by what became of them."""
        return Counter(said["outcome"] for _, said in self.all_said())

    def total(self, name: str) -> int:
        """Sum up a figure of the sessions."""
        return sum(session[name] for session in self.sessions)


def line(
    score: Score, happened: Sequence[Happened], leaked: int, over_ledger: int, over_nodes: int
) -> dict[str, Any]:
    """Give the figures in the order in which the last line has them."""
    outcomes = score.outcomes()
    faults = Counter(f"{each.fault.action} {_kind(each.fault.victim)}" for each in happened)
    return {
        "kills": sum(each.fault.action in _KILLS for each in happened),
        "utterances": sum(outcomes.values()),
        "results": outcomes["result"],
        "errors": outcomes["error"],
        "refused": outcomes["refused"],
        "resumed": score.total("resumed"),
        "lost": outcomes["lost"],
        "duplicated": score.total("duplicated"),
        "misordered": score.total("misordered"),
        "leaked_slots": leaked,
        "overcommitted_ledger": over_ledger,
        "overcommitted_nodes": over_nodes,
        "max_recovery_s": round(max_recovery(score, happened)[0], 1),
        "faults": dict(sorted(faults.items())),
    }


def complaints(report: dict[str, Any]) -> list[str]:
    """Say what is not good about the figures."""
    zero = ("lost", "duplicated", "misordered", "leaked_slots", "overcommitted_ledger")
    said = [f"{name} is {report[name]}, not 0" for name in zero if report[name]]
    if 100 * report["errors"] > MOST_ERRORS_PCT * report["utterances"]:
        said.append(f"{report['errors']} errors are more than {MOST_ERRORS_PCT:g} % of the utterances")
    if report["max_recovery_s"] > MOST_RECOVERY_S:
        said.append(f"a session waited {report['max_recovery_s']:g} s, more than {MOST_RECOVERY_S:g} s")
    if not report["results"]:
        said.append("nobody got a result")
    return said


def max_recovery(score: Score, happened: Sequence[Happened]) -> tuple[float, str]:
    """Give the longest recovery, s, and whose it was from what."""
    longest, words = 0.0, ""
    for session in score.sessions:
        said = sorted(session["said"], key=lambda each: each["spoken_s"])
        results = sorted(each["ended_s"] for each in said if each["outcome"] == "result")
        for each in happened:
            waited_s = _recovery_s(said, results, each.began_s)
            if waited_s > longest:
                fault = each.fault
                longest = waited_s
                words = f"session {session['name']} ({session['session']}) from {fault.action} {fault.victim}"
                words += f" at {each.began_s:.1f}"
    return longest, words


def _recovery_s(said: list[dict[str, Any]], results: list[float], fault_s: float) -> float:
    """See the module; without a next result until the last thing that came."""
    owed = next((each for each in said if each["ended_s"] > fault_s or each["outcome"] == "lost"), None)
    if owed is None:
        return 0.0
    since_s = max(fault_s, owed["spoken_s"])
    place = bisect_left(results, since_s)
    until_s = results[place] if place < len(results) else max(each["ended_s"] for each in said)
    return float(max(0.0, until_s - since_s))


def explain(score: Score, happened: Sequence[Happened]) -> tuple[list[str], list[str]]:
    """Give a sentence for each error: those that a fault explains, and the others."""
    explained, others = [], []
    for session, said in score.all_said():
        if said["outcome"] != "error":
            continue
        job = score.jobs.get(said["job"], {})
        tried = set(job.get("tried", "").split())
        whose = f"{session['name']} ({session['session']}) utterance {said['number']}"
        text = f"{whose}: {said['code']} {said['job']}"
        cause = next((each for each in happened if _explains(each, said, tried)), None)
        if cause:
            fault = cause.fault
            explained.append(f"{text}, from {fault.action} {fault.victim} at {fault.at_s:g} s")
        else:
            others.append(f"{text}, spoken {said['spoken_s']:.3f}, ended {said['ended_s']:.3f}, {job}")
    return explained, others


def _explains(each: Happened, said: dict[str, Any], tried: set[str]) -> bool:
    during = each.began_s <= said["ended_s"] and each.ended_s + AFTERMATH_S >= said["spoken_s"]
    victim = each.fault.victim
    can_be = each.fault.action not in _HARMLESS and (victim in tried or victim.startswith(_LEDGER_WIDE))
    return during and can_be


def _kind(victim: str) -> str:
    """Give what a victim is one of: ``node-3`` is a node, ``client>web-0`` a client's link."""
    return victim.replace(">web", " link").rpartition("-")[0] or victim
