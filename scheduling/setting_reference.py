"""The reference of all settings in ``docs/settings.md``, made from the table in the code."""

import re
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from scheduling.settings import Settings

#: The first setting of each group, in the order of the table; a new one belongs to the group it stands in.
_GROUPS = {
    "redis_url": "Servers, and the cell",
    "log_level": "The web process and its sockets",
    "store_timeout_s": "The ledger, as a web process uses it",
    "require_gpu": "Nodes",
    "pools_file": "Pools",
    "messages_per_s": "Limits of sockets, addresses and tenants; usage",
    "admin_token": "Who may enter, and whom we trust",
    "canary_s": "Canaries: recordings whose text is known",
    "dispatch_ms": "Jobs: deadlines, waiting, fair shares, choice of node",
    "retention_ms": "What is kept, and for how long",
    "group_ms": "Results and rooms",
    "dead_letters": "Dead letters and bodies",
    "pause_ms": "Cutting speech into utterances",
    "max_in_flight": "Sessions",
    "shards": "Background work",
    "presence_ms": "Web processes that come and go",
}
_UNITS = {"ms": "ms", "s": "s", "bytes": "bytes", "percent": "%"}
_SAID_LAST = re.compile(r", (ms|s|bytes|%)(?=$|[;:,])")
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_SPANS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"))
_SIZES = ((2**30, "GB"), (2**20, "MB"), (2**10, "KB"))


def settings_reference() -> str:
    """Describe every setting in Markdown: a table for each group, with type, default, unit and meaning."""
    parts: list[str] = []
    for name, field in Settings.model_fields.items():
        if name in _GROUPS:
            parts += [
                f"\n## {_GROUPS[name]}\n",
                "| setting | type | default | unit | meaning |",
                "|---|---|---|---|---|",
            ]
        unit, meaning = _unit(name, field.description or "")
        cells = (f"`{name.upper()}`", _type(field), _default(field, unit), unit, meaning)
        parts.append(f"| {' | '.join(cells)} |")
    return "\n".join(parts).lstrip("\n") + "\n"


def _unit(name: str, meaning: str) -> tuple[str, str]:
    """Give the unit, and the meaning without it."""
    found = _SAID_LAST.search(meaning)
    if found:
        return found[1], meaning[: found.start()] + meaning[found.end() :]
    if name.endswith("_per_s"):
        return "1/s", meaning
    return _UNITS.get(name.rpartition("_")[2], "bytes" if meaning.startswith("bytes ") else ""), meaning


def _type(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return " ".join(f"`{choice}`" for choice in get_args(field.annotation))
    names = {str: "text", int: "int", float: "number", bool: "`0` or `1`"}
    kind = next((said for kind, said in names.items() if field.annotation is kind), str(field.annotation))
    limits = [
        f"{sign} {_number(getattr(rule, name))}"
        for rule in field.metadata
        for name, sign in _BOUNDS.items()
        if getattr(rule, name, None) is not None
    ]
    return f"{kind} {', '.join(limits)}".rstrip()


def _default(field: FieldInfo, unit: str) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value == "":
        return ""
    if isinstance(value, bool):
        return f"`{int(value)}`"
    scale = {"ms": _SPANS, "bytes": _SIZES}.get(unit, ())
    whole = [f" ({value // size} {word})" for size, word in scale if value >= size and not value % size]
    return f"`{_number(value)}`{whole[0] if whole else ''}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
