"""Turns a failed validation into one sentence that helps the peer, without repeating what it sent."""

import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scheduling.messages.base import Message
from scheduling.messages.errors import InvalidMessage, UnknownType
from scheduling.messages.expect import Schema, describe, find, show_path

#: Characters of an unknown tag that are worth showing.
MAX_TAG_SHOWN = 40

_RANGE_ERRORS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
_LENGTH_ERRORS = {"string_too_long", "string_too_short"}


def explain(error: ValidationError, models: Mapping[str, type[Message]], sender: str) -> InvalidMessage:
    """Return the exception for the first thing wrong with a frame from ``sender`` ("A node")."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return _explain_frame(first, models, sender)
    tag = str(first["loc"][0])
    return InvalidMessage(f"{tag}: {_explain_member(first, models[tag])}", tag)


def _explain_frame(first: ErrorDetails, models: Mapping[str, type[Message]], sender: str) -> InvalidMessage:
    if first["type"] == "json_invalid":
        cause = first["ctx"]["error"]
        return InvalidMessage(f"The frame is not valid JSON: {cause}. Send one JSON object per text frame.")
    if first["type"] == "string_unicode":
        return InvalidMessage("The frame is not valid Unicode. Send one JSON object, in UTF-8, per frame.")
    if not isinstance(first["input"], dict):
        held = name_value(first["input"])
        return InvalidMessage(f"The frame holds {held}, not a message. Send a JSON object with a 'type'.")
    return _explain_tag(first["input"].get("type"), models, sender)


def _explain_tag(tag: Any, models: Mapping[str, type[Message]], sender: str) -> InvalidMessage:
    choice = f"{sender} may send {', '.join(sorted(models))}."
    if tag is None:
        return InvalidMessage(f"The message has no member 'type'. {choice}")
    if not isinstance(tag, str):
        return InvalidMessage(f"Member 'type' must be a string; got {name_value(tag)}. {choice}")
    shown = tag[:MAX_TAG_SHOWN]
    return UnknownType(f"Unknown message type {json.dumps(shown, ensure_ascii=False)}. {choice}", shown)


def _explain_member(first: ErrorDetails, model: type[Message]) -> str:
    path = first["loc"][1:]
    member, schema = show_path(model, path), find(model, path)
    wanted, send = describe(schema)
    if first["type"] == "missing":
        return f"member '{member}' is missing. Send {member} as {send}."
    if first["type"] in _LENGTH_ERRORS:
        return _explain_length(member, schema)
    got = _name_input(first)
    return f"member '{member}' must be {wanted}; got {got}. {_advise(first, member, schema, send)}"


def _name_input(first: ErrorDetails) -> str:
    if first["type"] == "enum" and isinstance(first["input"], str):
        return "another string"
    return name_value(first["input"])


def _explain_length(member: str, schema: Schema) -> str:
    low, high = schema.get("minLength", 0), schema["maxLength"]
    return f"member '{member}' has the wrong length. Send a string of {low} to {high} characters."


def _advise(first: ErrorDetails, member: str, schema: Schema, send: str) -> str:
    if first["type"] in _RANGE_ERRORS:
        return f"Send a number {_range(schema)}."
    if schema.get("type") == "integer" and isinstance(first["input"], float):
        return f"Send {member} as a whole number, without fraction or exponent."
    return f"Send {member} as {send}."


def _range(schema: Schema) -> str:
    if "exclusiveMinimum" in schema:
        return f"above {schema['exclusiveMinimum']}"
    return f"from {schema['minimum']} to {schema['maximum']}"


def name_value(value: object) -> str:
    """Name the kind of a JSON value without showing it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "a negative number" if value < 0 else "a number"
    if isinstance(value, float):
        return "a number with a fraction or exponent" if math.isfinite(value) else "a number too large"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"
