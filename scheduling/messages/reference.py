"""The wire protocol as a document, written from the models."""

from collections.abc import Iterable
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scheduling.messages import codec
from scheduling.messages.codes import ErrorCode

_DIRECTIONS = {
    "Node to server": codec.NodeMessage,
    "Server to node": codec.ServerMessageToNode,
    "Client to server": codec.ClientMessage,
    "Server to client": codec.ServerMessageToClient,
}


def protocol_reference() -> str:
    """Describe every message and every object inside one, in Markdown."""
    lines: list[str] = []
    nested: dict[str, type[BaseModel]] = {}
    for title, union in _DIRECTIONS.items():
        lines += [f"## {title}", ""]
        for model in get_args(union):
            lines += _section(f"`{model.model_fields['type'].default}`", model, nested)
    lines += ["## Objects", ""]
    described: set[str] = set()
    while waiting := [model for name, model in sorted(nested.items()) if name not in described]:
        for model in waiting:
            described.add(model.__name__)
            lines += _section(model.__name__, model, nested)
    lines += ["## Error codes", "", ", ".join(f"`{code}`" for code in ErrorCode), ""]
    return "\n".join(lines)


def _section(title: str, model: type[BaseModel], nested: dict[str, type[BaseModel]]) -> Iterable[str]:
    summary = " ".join((model.__doc__ or "").split())
    members = {name: field for name, field in model.model_fields.items() if name != "type"}
    yield from (f"### {title}", "", summary, "")
    if members:
        yield from ("| member | type | required |", "|---|---|---|")
        for name, field in members.items():
            yield f"| `{field.alias or name}` | {_type(field, nested)} | {_required(field)} |"
        yield ""


def _required(field: FieldInfo) -> str:
    if field.is_required():
        return "yes"
    return "no" if field.default in (None, False) else f"no, `{field.default}`"


def _type(field: FieldInfo, nested: dict[str, type[BaseModel]]) -> str:
    return _name(field.annotation, nested)


def _name(kind: Any, nested: dict[str, type[BaseModel]]) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _name(args[0], nested)
    if origin in (Union, UnionType):
        return " or ".join(_name(arg, nested) for arg in args if arg is not type(None))
    if origin is list:
        return f"list of {_name(args[0], nested)}"
    if origin is dict:
        return f"object of {_name(args[1], nested)}"
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        nested[kind.__name__] = kind
        return kind.__name__
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    return {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}.get(
        getattr(kind, "__name__", ""), "any JSON"
    )
