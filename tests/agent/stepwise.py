"""A pipeline whose jobs end when the test says so."""

import queue
import threading
from collections import defaultdict

from agent.pipelines.base import Capabilities, PipelineOptions, PipelineResult, Progress, Service
from scheduling.messages import JobAssign, ServiceType


class StepwisePipeline:
    name = "stepwise"

    def __init__(self, options: PipelineOptions | None = None) -> None:
        self.begun: queue.Queue[str] = queue.Queue()
        self.ended: queue.Queue[str] = queue.Queue()
        self._gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def load(self) -> None:
        pass

    def capabilities(self) -> Capabilities:
        return Capabilities(
            (Service("stepwise", ServiceType.ASR),), ("en",), ("pt",), (("en", "pt"),), slots=2
        )

    def release(self, *job_ids: str) -> None:
        for job_id in job_ids:
            self._gates[job_id].set()

    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        self.begun.put(job.job_id)
        assert self._gates[job.job_id].wait(20)
        self.ended.put(job.job_id)
        return PipelineResult(text_asr=f"{job.job_id}/{job.attempt_id}")
