"""What the rest of the system needs to know of a job to speak about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as its client sees it. Times are in ms since 1970, by our clock unless said.

    `order` is the dense number that results of the session and target language are released by;
    `utterance_index` is the label the client knows. `dispatched_ms` is None until a node got the
    job, `client_timestamp_ms` the client's own stamp (by its clock) on the first audio, if it sent one.
    """

    job_id: str
    session_id: str
    utterance_index: int
    order: int
    src_lang: str
    tgt_lang: str
    trace_id: str
    created_ms: int
    dispatched_ms: int | None = None
    client_timestamp_ms: int | None = None
