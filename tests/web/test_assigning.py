"""What a client is told as its utterance goes to a node."""

import json

import pytest

from scheduling.messages import UiEvent
from web.assigning import dispatched_event
from web.node_link import Spoken


@pytest.mark.parametrize("journey", [False, True])
def test_the_event_is_what_its_model_says_whatever_clients_call_things(journey: bool) -> None:
    utterance = Spoken('s-"\\\n', 7, "tracé-\u2028\x7f", journey)
    written = dispatched_event("job-1", utterance, 2**60, "n\tö")
    event = UiEvent.model_validate_json(written)
    assert event.model_dump_json(exclude_none=True) == written
    assert (event.session_id, event.trace_id, event.elapsed_ms) == (
        utterance.session_id,
        utterance.trace_id,
        0,
    )
    assert ("node_id" in json.loads(written)) == journey
