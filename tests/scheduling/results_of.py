"""Jobs of real sessions that end, for tests of what becomes of their results."""

import json
from dataclasses import asdict, replace
from typing import Any

from scheduling.bodies import Bodies
from scheduling.delivery import OutEntry
from scheduling.jobspec import JobSpec
from scheduling.keys import shard_of
from scheduling.messages import JobAssign, JobResult, PipelineConfig
from tests.lua.world import DE, POOLS, PT, World, reservation

_SERVICES = PipelineConfig(use_asr=True, use_nmt=True, use_tts=True)
_REQUIREMENTS = {"pt": PT, "de": DE}


def spec_of(session: str, index: int, tgt: str = "pt") -> str:
    """Give the lasting part of a job, as its session would write it."""
    assign = JobAssign(
        job_id="-", attempt_id=1, session_id=session, utterance_index=index, src_lang="en", tgt_lang=tgt,
        pipeline=_SERVICES, audio="", audio_format="pcm16", sample_rate=16_000, trace_id=f"t-{session}",
    )  # fmt: skip
    return JobSpec.of(assign, {"client_timestamp_ms": None}).text()


class Results:
    """A cell with one big node, on which every job ends the way a test says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = world.ledger
        self.bodies = Bodies(world.store, world.settings)
        world.ready("node", klass="C", slots=200)

    def open(self, session: str) -> None:
        self.world.open(session)

    def start(self, job: str, session: str = "s", tgt: str = "pt", index: int = 0, spec: str = "") -> int:
        """Reserve a job; gives its order number."""
        ask = reservation(job, session=session, requirement=_REQUIREMENTS[tgt], pools=[POOLS["C"]])
        spec = spec or spec_of(session, index, tgt)
        return self.ledger.jobs.reserve(replace(ask, spec=spec)).order

    def end(self, job: str, text: str = "", *, result: str = "") -> None:
        """Have the node succeed with a text heard, or with a result as JSON; give neither to have it fail."""
        verdict: Any = "ok" if text or result else "fail"
        self.ledger.jobs.complete(
            job, "node", 1, verdict, instance="web1", result=result or self._result(job, text),
            code="" if verdict == "ok" else "PROCESSING_ERROR", message="" if verdict == "ok" else "it broke",
        )  # fmt: skip

    def shard(self, session: str = "s") -> int:
        return shard_of(session, self.world.settings.shards)

    def out(self, session: str = "s") -> list[dict[str, Any]]:
        """What was released to the client: the entries of its stream, the messages read."""
        raw = self.world.store.command("XRANGE", self.ledger.keys.out(session), "-", "+")
        entries = [asdict(OutEntry.parse(each)) for each in raw]
        return [
            each
            | {
                "main": json.loads(each["main"]),
                "events": [json.loads(line) for line in each["events"].splitlines()],
            }
            for each in entries
        ]

    def undone(self) -> int:
        """Entries left in the outbox of results, claimed or not."""
        shards = range(self.world.settings.shards)
        lengths = [("XLEN", self.ledger.keys.results(shard)) for shard in shards]
        return sum(self.world.store.commands(lengths))

    def claimed(self) -> int:
        """Entries that somebody works on."""
        streams = map(self.ledger.keys.results, range(self.world.settings.shards))
        there = [stream for stream in streams if self.world.store.command("EXISTS", stream)]
        groups = [self.world.store.command("XINFO", "GROUPS", stream) for stream in there]
        return sum(int(group[0][group[0].index(b"pending") + 1]) for group in groups if group)

    def _result(self, job: str, text: str) -> str:
        spoken: dict[str, Any] = {"text_asr": text, "text_translated": text.upper()} if text else {}
        return JobResult(
            job_id=job, attempt_id=1, node_id="node", session_id="s", utterance_index=0, success=bool(text),
            trace_id="t", **spoken,
        ).model_dump_json(exclude_none=True)  # fmt: skip
