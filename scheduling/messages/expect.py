"""What the protocol expects of a member, looked up in its model's JSON schema."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from scheduling.messages.base import Message
from scheduling.messages.codes import ServiceType

Schema = Mapping[str, Any]

_KINDS = {
    "number": ("a number", "a JSON number"),
    "string": ("a string", "a JSON string"),
    "boolean": ("true or false", "true or false, without quotes"),
    "array": ("a list", "a JSON list"),
    "object": ("an object", "a JSON object"),
}
_ANYTHING = ("any JSON value", "any JSON value")


@cache
def _schema_of(model: type[Message]) -> Schema:
    return model.model_json_schema()


def find(model: type[Message], path: Sequence[str | int]) -> Schema:
    """Return the JSON schema of the member of ``model`` that ``path`` leads to."""
    root = _schema_of(model)
    here: Schema = root
    for part in path:
        here = _resolve(root, _step(here, part))
    return here


def _step(here: Schema, part: str | int) -> Schema:
    if isinstance(part, int):
        return dict(here["items"])
    return dict(here.get("properties", {}).get(part) or here.get("additionalProperties") or {})


def _resolve(root: Schema, here: Schema) -> Schema:
    """Follow a reference, and look through "or null"."""
    for option in here.get("anyOf", ()):
        if option.get("type") != "null":
            return _resolve(root, option)
    if "$ref" in here:
        return dict(root["$defs"][here["$ref"].rpartition("/")[2]])
    return here


def describe(schema: Schema) -> tuple[str, str]:
    """Return what a member must be, and what to send for it, as two phrases."""
    if "enum" in schema:
        known = [value for value in schema["enum"] if value != ServiceType.UNKNOWN]
        return "one of " + ", ".join(known), "one of these strings; case matters"
    if schema.get("type") == "integer":
        unsigned = schema.get("minimum", -1) >= 0
        return ("an unsigned integer" if unsigned else "an integer"), "a JSON number"
    return _KINDS.get(schema.get("type", ""), _ANYTHING)


def show_path(model: type[Message], path: Sequence[str | int]) -> str:
    """Write a path as ``a.b[2].c``. A key the peer chose is shown as ``*``: it may be personal."""
    text = ""
    for depth, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            known = part in find(model, path[:depth]).get("properties", {})
            text += "." + (part if known else "*")
    return text.removeprefix(".")
