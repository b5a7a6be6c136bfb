"""Every message and nested object, member by member: what is accepted and what is not."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from scheduling.messages import InvalidMessage, dump
from tests.scheduling.messages.example_parts import NESTED, Example
from tests.scheduling.messages.examples import MESSAGES

ALL = MESSAGES + NESTED
REJECTED = (InvalidMessage, ValidationError)


def name(example: Example) -> str:
    return example.model.__name__


def read(example: Example, data: dict[str, Any]) -> Any:
    return example.read(json.dumps(data))


def wrong_values(value: Any, signed: bool) -> list[Any]:
    """Return values of other JSON types than the example's, for strict parsing to refuse."""
    if isinstance(value, bool):
        return ["true", 0, 1, [], {}]
    if isinstance(value, int):
        return ["1", 1.5, 1.0, True, [], {}, 2**64] + ([] if signed else [-1])
    if isinstance(value, float):
        return ["0.5", True, [], {}]
    if isinstance(value, str):
        return [3, True, ["x"], {"x": "x"}]
    return ["x", 3, True, {} if isinstance(value, list) else []]


def members(examples: list[Example], which: str) -> list[Any]:
    return [
        pytest.param(example, member, id=f"{name(example)}.{member}")
        for example in examples
        for member in getattr(example, which)
        if member not in example.tag
    ]


@pytest.mark.parametrize("example", ALL, ids=name)
def test_the_models_have_exactly_the_members_of_the_protocol(example: Example) -> None:
    wire_names = {field.alias or key for key, field in example.model.model_fields.items()}
    assert set(example.full) == wire_names


@pytest.mark.parametrize("example", ALL, ids=name)
def test_a_full_message_is_written_as_it_was_read(example: Example) -> None:
    message = read(example, example.full)
    assert type(message) is example.model
    assert json.loads(message.model_dump_json(exclude_none=True)) == example.full


@pytest.mark.parametrize("example", ALL, ids=name)
def test_null_and_absent_mean_the_same_and_unknown_members_nothing(example: Example) -> None:
    minimal = read(example, example.minimal)
    nullable = {
        member: None
        for member in example.optional
        if example.model.model_fields[_attribute(example, member)].default in (None, False)
    }
    assert read(example, {**example.minimal, **nullable}) == minimal
    assert read(example, {**example.minimal, "gpu_queue_length": {"of": ["a", "newer", "peer"]}}) == minimal


def _attribute(example: Example, member: str) -> str:
    return next(key for key, field in example.model.model_fields.items() if member in (key, field.alias))


@pytest.mark.parametrize(("example", "member"), members(ALL, "required"))
def test_a_required_member_may_not_be_missing(example: Example, member: str) -> None:
    rest = {key: value for key, value in example.full.items() if key != member}
    with pytest.raises(REJECTED) as caught:
        read(example, rest)
    assert member in str(caught.value)


@pytest.mark.parametrize(("example", "member"), members(ALL, "required"))
def test_a_required_member_may_not_be_null(example: Example, member: str) -> None:
    if member in example.anything:
        assert getattr(read(example, {**example.full, member: None}), member) is None
        return
    with pytest.raises(REJECTED):
        read(example, {**example.full, member: None})


@pytest.mark.parametrize(("example", "member"), members(ALL, "full"))
def test_a_member_of_another_type_rejects_the_whole_message(example: Example, member: str) -> None:
    if member in example.anything:
        return
    for wrong in wrong_values(example.full[member], member in example.signed):
        with pytest.raises(REJECTED) as caught:
            read(example, {**example.full, member: wrong})
        assert member in str(caught.value), f"{wrong!r} was refused for another reason"


@pytest.mark.parametrize("example", [e for e in ALL if e.signed], ids=name)
def test_signed_integers_may_be_negative(example: Example) -> None:
    for member in example.signed:
        assert getattr(read(example, {**example.full, member: -5}), member) == -5


@pytest.mark.parametrize(("example", "member"), members(MESSAGES, "full"))
def test_an_error_never_repeats_what_the_peer_sent(example: Example, member: str) -> None:
    """Audio, texts and credentials are somebody's own: they must not end in a log or another's error."""
    secret = "whatTheySaid"
    for wrong in (secret, [secret], {secret: secret}, [{secret: [secret]}]):
        try:
            read(example, {**example.full, member: wrong})
        except InvalidMessage as error:
            assert secret not in f"{error} {error.message} {error!r}"
            assert error.__context__ is None
            assert error.__cause__ is None


@pytest.mark.parametrize("example", MESSAGES, ids=name)
def test_what_was_said_does_not_show_in_a_repr(example: Example) -> None:
    spoken = {"text", "text_asr", "text_translated", "context_text", "credential", "payload", "audio"}
    secret = dict.fromkeys(spoken & set(example.full), "whatTheySaid")
    assert "whatTheySaid" not in repr(read(example, {**example.full, **secret}))


@pytest.mark.parametrize("example", MESSAGES, ids=name)
def test_dump_leaves_out_what_is_unset(example: Example) -> None:
    message = read(example, example.minimal)
    written = json.loads(dump(message))
    assert set(example.minimal) <= set(written)
    if not message.writes_null:
        assert None not in written.values()
