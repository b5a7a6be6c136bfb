"""One run: start the stack, let people speak, break things, wait for quiet, and put the figures together."""

import asyncio
import json
import re
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.chaos import verdict
from bench.chaos.auditor import Auditor, Findings
from bench.chaos.conductor import Conductor
from bench.chaos.members import DidNotStart
from bench.chaos.schedule import CALM_S, NODES, Fault, save
from bench.chaos.stack import ATTEMPT_MS, ChaosStack
from scheduling.errors import StoreError

_SAMPLE_S = 0.25
_PROGRESS_S = 10.0
#: From the last sentence on: what is still owed, and a session that goes nowhere.
_FAREWELL_S = 120.0
_LEASE_S = ATTEMPT_MS / 1000
_MOST_LINES = 60
_LONGEST_LINE = 1 << 24


@dataclass(frozen=True)
class Plan:
    """What to run."""

    faults: list[Fault]
    seconds: float
    """How long people speak."""
    sessions: int
    seed: int
    appendfsync: str
    until_s: float
    """No fault begins after it."""
    keep_logs: bool = False
    """Also of a run that was good."""


class Run:
    """See the module."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._score = verdict.Score()
        self._faults: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        self._began_s = time.monotonic()

    def run(self) -> int:
        """Do it, print, and give the exit status; the logs stay if it is not 0."""
        save(self._plan.faults, self._folder / "schedule.jsonl")
        try:
            with ExitStack() as stack:
                chaos = ChaosStack(stack, self._folder, self._plan.appendfsync, self._plan.seed)
                report, faults = asyncio.run(self._run(chaos))
        except DidNotStart as error:
            report, faults = {}, [str(error)]
        for each in faults[:_MOST_LINES]:
            print(f"FAULT {each}")
        if faults or self._plan.keep_logs:
            print(f"{len(faults)} faults; the logs of all processes and the schedule are in {self._folder}")
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
        print(json.dumps(report))
        return 1 if faults else 0

    async def _run(self, chaos: ChaosStack) -> tuple[dict[str, Any], list[str]]:
        await chaos.start_proxies()
        await asyncio.to_thread(chaos.start)
        self._say("everything runs")
        auditor = Auditor(chaos.store, [f"node-{number}" for number in range(NODES)])
        conductor = Conductor(chaos, self._plan.faults, self._say, self._plan.until_s)
        upkeep = [asyncio.create_task(self._sample(auditor)), asyncio.create_task(self._progress(conductor))]
        try:
            await self._speak(chaos, conductor, auditor)
            findings = await self._audit(auditor)
        finally:
            for task in upkeep:
                task.cancel()
            await asyncio.gather(*upkeep, return_exceptions=True)
            conductor.save(self._folder / "happened.jsonl")
            (self._folder / "jobs.json").write_text(json.dumps(self._score.jobs))
            await chaos.close_proxies()
        return self._judge(chaos, conductor, auditor, findings)

    async def _speak(self, chaos: ChaosStack, conductor: Conductor, auditor: Auditor) -> None:
        with chaos.log("speakers").open("ab") as log:
            speakers = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.chaos.speakers", "--urls", ",".join(chaos.session_urls),
                "--sessions", str(self._plan.sessions), "--seed", str(self._plan.seed),
                stdout=PIPE, stderr=log, limit=_LONGEST_LINE,
            )  # fmt: skip
        reading = asyncio.create_task(self._read(speakers, auditor))
        try:
            began_s = time.monotonic()
            await conductor.run()
            await asyncio.sleep(max(CALM_S, self._plan.seconds - (time.monotonic() - began_s)))
            self._say("enough is said")
            speakers.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(speakers.wait(), _FAREWELL_S)
            if speakers.returncode != 0:
                how = f"not all speakers left in order ({speakers.returncode}): see {chaos.log('speakers')}"
                self._faults.append(how)
            self._say("everybody has left")
        finally:
            with suppress(ProcessLookupError):
                speakers.kill()
            await reading

    async def _read(self, speakers: Process, auditor: Auditor) -> None:
        """Take in what the speakers report; the job of an error is looked up while its record is there."""
        assert speakers.stdout is not None
        with (self._folder / "speakers.jsonl").open("wb") as journal:
            while raw := await speakers.stdout.readline():
                journal.write(raw)
                told = json.loads(raw)
                if told["kind"] == "session":
                    self._score.sessions.append(told)
                elif told["job"]:
                    with suppress(StoreError):
                        self._score.jobs[told["job"]] = await asyncio.to_thread(auditor.job, told["job"])

    async def _audit(self, auditor: Auditor) -> Findings:
        """Wait until all is quiet, a lease period at most, then look."""
        until_s = time.monotonic() + _LEASE_S
        while not await asyncio.to_thread(auditor.is_quiet) and time.monotonic() < until_s:
            await asyncio.sleep(_SAMPLE_S)
        return await asyncio.to_thread(auditor.audit)

    async def _sample(self, auditor: Auditor) -> None:
        while True:
            await asyncio.to_thread(auditor.sample)
            await asyncio.sleep(_SAMPLE_S)

    async def _progress(self, conductor: Conductor) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_S)
            counts = ", ".join(f"{count} {name}" for name, count in sorted(self._score.outcomes().items()))
            self._say(f"-- {len(conductor.happened)} faults are over; of ended sessions: {counts}")

    def _judge(
        self, chaos: ChaosStack, conductor: Conductor, auditor: Auditor, findings: Findings
    ) -> tuple[dict[str, Any], list[str]]:
        happened, over = conductor.happened, auditor.overcommitted
        report = verdict.line(
            self._score, happened, findings.leaked_slots, len(over), _overcommitted_nodes(chaos)
        )
        report |= {
            "left_out": len(self._plan.faults) - len(happened), "exits": len(conductor.exits),
            "appendfsync": self._plan.appendfsync, "samples": auditor.samples,
            "seed": self._plan.seed, "seconds": round(time.monotonic() - self._began_s, 1),
        }  # fmt: skip
        explained, others = verdict.explain(self._score, happened)
        for each in explained:
            print(f"explained: {each}")
        self._say(f"the longest recovery was that of {verdict.max_recovery(self._score, happened)[1]}")
        told = [complaint for session in self._score.sessions for complaint in session["complaints"]]
        faults = (
            verdict.complaints(report) + [f"unexplained: {each}" for each in others] + over + findings.faults
        )
        return report, self._faults + faults + conductor.slow_exits + conductor.exits + told

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began_s:6.1f} {text}", flush=True)


def _overcommitted_nodes(chaos: ChaosStack) -> int:
    """Count what the nodes say in their logs, which outlive them."""
    logs = [chaos.log(f"node-{number}") for number in range(NODES)]
    return sum(len(re.findall(rb"^overcommitted: ", log.read_bytes(), re.M)) for log in logs if log.exists())
