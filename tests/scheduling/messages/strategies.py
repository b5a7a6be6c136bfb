"""Any JSON a model accepts, drawn from the model's own JSON schema."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from scheduling.messages import WireModel

Schema = dict[str, Any]

#: Whatever a member of free form may hold.
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def frames_of(model: type[WireModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw JSON objects that ``model`` accepts, optional members absent, null or set."""
    root = model.model_json_schema()
    return _objects(root, root)


def _values(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return st.one_of(*(_values(option, root) for option in schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    draw = _BY_TYPE.get(schema.get("type", ""))
    return draw(schema, root) if draw else json_values


def _integers(schema: Schema, _: Schema) -> st.SearchStrategy[int]:
    return st.integers(schema["minimum"], schema["maximum"])


def _numbers(schema: Schema, _: Schema) -> st.SearchStrategy[float]:
    low = schema.get("exclusiveMinimum")
    floats = st.floats(min_value=low, exclude_min=low is not None, allow_nan=False, allow_infinity=False)
    return floats | st.integers(1, 2**31)


def _strings(schema: Schema, _: Schema) -> st.SearchStrategy[str]:
    return st.text(min_size=schema.get("minLength", 0), max_size=12)


def _arrays(schema: Schema, root: Schema) -> st.SearchStrategy[list[Any]]:
    return st.lists(_values(schema["items"], root), max_size=2)


def _objects(schema: Schema, root: Schema) -> st.SearchStrategy[dict[str, Any]]:
    if "additionalProperties" in schema:
        return st.dictionaries(st.text(max_size=6), _values(schema["additionalProperties"], root), max_size=2)
    members = {name: _values(value, root) for name, value in schema.get("properties", {}).items()}
    required = {"type", *schema.get("required", ())} & set(members)
    return st.fixed_dictionaries(
        {name: members[name] for name in members if name in required},
        optional={name: members[name] for name in members if name not in required},
    )


_BY_TYPE: dict[str, Callable[[Schema, Schema], st.SearchStrategy[Any]]] = {
    "null": lambda *_: st.none(),
    "boolean": lambda *_: st.booleans(),
    "integer": _integers,
    "number": _numbers,
    "string": _strings,
    "array": _arrays,
    "object": _objects,
}
