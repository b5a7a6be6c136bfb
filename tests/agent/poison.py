"""A pipeline that a recording can kill, as one that crashes a GPU's driver does."""

import os
import signal

from agent.pipelines.base import PipelineResult, Progress, audio_of
from agent.pipelines.echo import EchoPipeline
from scheduling.messages import JobAssign

POISON = b"drink me"


class PoisonPipeline(EchoPipeline):
    """Echoes; of audio that begins with ``POISON`` its process dies on the spot."""

    name = "poison"

    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        if audio_of(job).startswith(POISON):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().process(job, progress)
