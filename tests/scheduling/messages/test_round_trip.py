"""Whatever a peer may send comes through unchanged, and whatever else never breaks the parser."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling import messages as m
from tests.scheduling.messages.examples import MESSAGES, Example
from tests.scheduling.messages.strategies import frames_of, json_values

PARSERS = [
    m.parse_node_message,
    m.parse_server_message_to_node,
    m.parse_client_message,
    m.parse_server_message_to_client,
]
TAGS = sorted({example.tag["type"] for example in MESSAGES})


@pytest.mark.parametrize("example", MESSAGES, ids=lambda e: f"{e.parse.__name__}-{e.model.__name__}")
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_written_reads_as_the_same_message(example: Example, data: st.DataObject) -> None:
    frame = data.draw(frames_of(example.model))
    message = example.read(json.dumps(frame, ensure_ascii=False))
    assert isinstance(message, m.Message)
    assert type(message) is example.model
    written = m.dump(message)
    assert example.read(written) == message
    assert m.dump(example.read(written)) == written


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=100)
@given(data=st.binary() | st.text() | json_values.map(json.dumps))
def test_no_frame_breaks_the_parser(parse: Any, data: str | bytes) -> None:
    with pytest.raises(m.InvalidMessage) as caught:
        parse(data)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=100)
@given(tag=st.sampled_from(TAGS), members=st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_no_object_with_a_known_type_breaks_the_parser(parse: Any, tag: str, members: Any) -> None:
    try:
        message = parse(json.dumps({**members, "type": tag}))
    except m.InvalidMessage as error:
        assert error.tag == tag
    else:
        assert message.type == tag


@pytest.mark.parametrize("example", MESSAGES, ids=lambda e: f"{e.parse.__name__}-{e.model.__name__}")
@settings(max_examples=15)
@given(data=st.data())
def test_one_spoiled_member_gives_a_message_or_a_sentence(example: Example, data: st.DataObject) -> None:
    member = data.draw(st.sampled_from(sorted(example.full)))
    frame = {**example.full, member: data.draw(json_values)}
    try:
        example.read(json.dumps(frame))
    except m.InvalidMessage as error:
        assert error.message.endswith(".")
