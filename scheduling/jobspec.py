"""The lasting part of a job: what every attempt sends to its node, and what its result needs.

Stored in the job's record as three lines of JSON: the assignment without what differs per attempt, the
pipeline, and the view that formats the result. Frames are put together as text, so that audio passes
through in the base64 it came in.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from scheduling.messages import JobAssign

_PER_ATTEMPT = {"type", "job_id", "attempt_id", "audio", "pipeline", "job_token"}


@dataclass(frozen=True, slots=True)
class JobSpec:
    """The lasting part of a job."""

    assignment: str
    """JSON object of ``job_assign`` without type, job id, attempt, audio and pipeline."""
    pipeline: str
    """JSON object of the services asked for."""
    view: str
    """JSON object of what the result's message needs and no node is told."""

    @classmethod
    def of(cls, assign: JobAssign, view: dict[str, Any]) -> "JobSpec":
        """Take the lasting part of an assignment."""
        lasting = assign.model_dump_json(exclude=_PER_ATTEMPT, exclude_none=True)
        return cls(lasting, assign.pipeline.model_dump_json(), json.dumps(view))

    @classmethod
    def parse(cls, text: str) -> "JobSpec":
        """Read what `text` wrote; a newer version may have added lines."""
        return cls(*text.split("\n")[:3])

    def text(self) -> str:
        """Write it for the job's record."""
        return f"{self.assignment}\n{self.pipeline}\n{self.view}"

    def frame(
        self, wire_id: str, attempt: int, audio: str, *, use_semantic: bool, job_token: str = ""
    ) -> str:
        """Give the ``job_assign`` text frame of one attempt; ``audio`` is base64."""
        pipeline = self.pipeline
        if use_semantic:
            pipeline = json.dumps({**json.loads(pipeline), "use_semantic": True}, separators=(",", ":"))
        member = f'"job_token":"{job_token}",' if job_token else ""
        return (
            f'{{"type":"job_assign","job_id":{json.dumps(wire_id)},"attempt_id":{attempt},{member}'
            f'"pipeline":{pipeline},"audio":"{audio}",{self.assignment[1:]}'
        )

    def result_view(self) -> dict[str, Any]:
        """Give what the result's message needs: the assignment's members and the view's."""
        return {**from_json(self.assignment), **from_json(self.view)}


def wire_id(job_id: str, attempt: int, tried: str) -> str:
    """Give the job id a node is told.

    Existing agents silently refuse the job id they had before, so a job that comes back to a node it
    was on (``tried`` names the nodes of all attempts, the last is the current one) gets a suffix.
    """
    nodes = tried.split()
    return f"{job_id}~{attempt}" if nodes and nodes[-1] in nodes[:-1] else job_id


def job_of_wire_id(wire: str) -> str:
    """Undo `wire_id`."""
    return wire.partition("~")[0]
