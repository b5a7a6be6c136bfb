"""Placing an utterance as a span, whose context goes with the job to its node, worker and client."""

from collections.abc import Callable
from dataclasses import replace

from scheduling import tracing
from scheduling.languages import fold
from scheduling.ledger import Placement
from web.asking import Ask
from web.session_link import SessionLink


def place_traced(place: Callable[[SessionLink, Ask], Placement], session: SessionLink, ask: Ask) -> Placement:
    """Place it. Raises what ``place`` raises."""
    assign = ask.assign
    with tracing.span(
        "place utterance",
        session.init.traceparent,
        session=session.session_id,
        utterance=assign.utterance_index,
        trace=assign.trace_id[:64],
    ) as here:
        traced = assign.model_copy(update={"traceparent": here.traceparent})
        placement = place(session, replace(ask, assign=traced))
        here.note(job=placement.job_id, state=placement.state, node=placement.node_id)
        session.traceparents[fold(assign.tgt_lang), placement.order] = here.traceparent
        return placement
