"""A pipeline of one's own in a few lines: it "recognises" how long somebody spoke, and says so in Portuguese.

speech-dispatch node --pipeline examples.my_pipeline:MyPipeline --option voice=ana
"""

from agent.pipelines.base import (
    Capabilities,
    PipelineError,
    PipelineOptions,
    PipelineResult,
    Progress,
    Service,
    audio_of,
)
from scheduling.messages import JobAssign, ServiceType


class MyPipeline:
    """What the node calls: `load` once, then `process` for each job, in as many threads as slots."""

    name = "mine"

    def __init__(self, options: PipelineOptions) -> None:
        self.voice = options.own.get("voice", "nobody")

    def load(self) -> None:
        """Read models here; raise `PipelineUnavailable` if they cannot be had."""

    def capabilities(self) -> Capabilities:
        """State what the server may send: here English to Portuguese, two jobs at once."""
        kinds = (ServiceType.ASR, ServiceType.NMT, ServiceType.TTS)
        services = tuple(Service(f"mine-{kind}", kind) for kind in kinds)
        return Capabilities(services, asr_languages=("en",), tts_languages=("pt",), slots=2)

    def process(self, job: JobAssign, progress: Progress) -> PipelineResult:
        """Do one job."""
        audio = audio_of(job)
        if job.audio_format != "pcm16":
            raise PipelineError("INVALID_AUDIO", f"This node takes pcm16, not {job.audio_format}.")
        seconds = len(audio) / 2 / job.sample_rate
        progress.partial(f"{seconds:.1f} …")  # what is recognised so far; the speaker sees it at once
        progress.check()  # between stages: whether the result is still wanted
        heard, said = f"{seconds:.1f} seconds", f"{seconds:.1f} segundos, diz {self.voice}"
        return PipelineResult(text_asr=heard, text_translated=said, tts_audio=audio, tts_format="pcm16")
