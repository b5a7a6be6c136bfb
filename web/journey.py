"""The steps of an utterance that only clients with ``journey`` are told: heard, cut, waiting."""

from scheduling.cutter import CutReason
from scheduling.messages import UiEvent, UiEventName, UiStatus, dump
from web.session_link import SessionLink


def tell_started(link: SessionLink, index: int) -> None:
    """Tell that the first audio of utterance ``index`` came; once for each."""
    if link.init.journey and link.begun_index < index:
        link.begun_index = index
        _tell(link, UiEventName.INPUT_STARTED, index)


def tell_whole(link: SessionLink, index: int) -> None:
    """Tell that an utterance came at once; its index is the client's own."""
    if link.init.journey:
        _tell(link, UiEventName.INPUT_STARTED, index)
        _tell(link, UiEventName.INPUT_ENDED, index, hint=CutReason.MANUAL)


def tell_ended(link: SessionLink, index: int, reason: str) -> None:
    """Tell that utterance ``index`` was cut, and why."""
    tell_started(link, index)
    if link.init.journey:
        _tell(link, UiEventName.INPUT_ENDED, index, hint=reason)


def tell_waiting(link: SessionLink, index: int, job_id: str, trace_id: str) -> None:
    """Tell that no slot is free for the job of utterance ``index``, so it waits."""
    if link.init.journey:
        _tell(link, UiEventName.WAITING, index, job_id=job_id, trace_id=trace_id)


def _tell(
    link: SessionLink,
    name: UiEventName,
    index: int,
    *,
    job_id: str = "",
    trace_id: str = "",
    hint: str | None = None,
) -> None:
    event = UiEvent(
        trace_id=trace_id or link.trace_id,
        session_id=link.session_id,
        job_id=job_id,
        utterance_index=index,
        event=name,
        status=UiStatus.OK,
        hint=hint,
    )
    link.send(dump(event))
