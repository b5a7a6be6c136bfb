"""Reads what a credential says, be it the claims of a JWT or a table of the credentials file."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, cast

from scheduling.credentials.identity import NODE, ROLES, Identity, Role, Way
from scheduling.credentials.refusal import Refusal
from scheduling.languages import fold, is_language

_MOST_SUBJECT = 128
_MOST_TENANT = 64
_MOST_LANGUAGES = 200
_MOST_LIMITS = 64
#: What may stand in a path too, so that whoever it names can be banned over HTTP.
_WORD = re.compile(r"[A-Za-z0-9._:@|=+-]+")
_LIMIT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NODE_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")


def identity_of(claims: Mapping[str, Any], *, way: Way, key: str, credential: str) -> Identity:
    """Read role, subject and what goes with them. Raises `Refusal` (``malformed``), naming the member."""
    role = claims.get("role")
    if role not in ROLES:
        raise _wrong("role", f"one of {', '.join(ROLES)}")
    node_id = _word(claims, "node_id", _MOST_SUBJECT)
    if node_id and (role != NODE or not _NODE_ID.fullmatch(node_id)):
        raise _wrong("node_id", "letters, digits and . _ : @ -, for the role node only")
    subject = _word(claims, "sub", _MOST_SUBJECT)
    if not subject:
        raise _wrong("sub", "whose credential it is")
    return Identity(
        role=cast(Role, role),
        subject=subject,
        way=way,
        credential=credential,
        key=key,
        tenant=_word(claims, "tenant", _MOST_TENANT),
        languages=_languages(claims.get("languages")),
        limits=_limits(claims.get("limits")),
        tier=_word(claims, "tier", _MOST_TENANT),
        expires_s=_moment(claims.get("exp")),
        node_id=node_id,
    )


def _word(claims: Mapping[str, Any], name: str, most: int) -> str:
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not _WORD.fullmatch(value) or len(value) > most:
        raise _wrong(name, f"1 to {most} letters, digits and . _ : @ | = + -")
    return value


def _languages(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > _MOST_LANGUAGES:
        raise _wrong("languages", f'a list of up to {_MOST_LANGUAGES} codes such as ["en", "pt"]')
    if not all(isinstance(code, str) and is_language(code) for code in value):
        raise _wrong("languages", 'a list of codes such as ["en", "pt"]')
    return frozenset(fold(code) for code in value)


def _limits(value: Any) -> Mapping[str, float]:
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, dict) or len(value) > _MOST_LIMITS:
        raise _wrong("limits", f"up to {_MOST_LIMITS} names with a number each")
    for name, most in value.items():
        if not isinstance(name, str) or not _LIMIT.fullmatch(name) or not is_number(most) or most < 0:
            raise _wrong("limits", "lower-case names with a number of 0 or more each")
    return MappingProxyType(dict(value))


def _moment(value: Any) -> float | None:
    """Read Unix seconds, or a date of TOML: without a zone in UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if value is None:
        return None
    if not is_number(value):
        raise _wrong("exp", "a time in seconds since 1970")
    return float(value)


def is_name(value: Any) -> bool:
    """Whether this can name a credential."""
    return isinstance(value, str) and len(value) <= _MOST_SUBJECT and _WORD.fullmatch(value) is not None


def is_number(value: Any) -> bool:
    """Whether this is a number that can be reckoned with, below 2^53; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53


def _wrong(name: str, wanted: str) -> Refusal:
    return Refusal("malformed", f"The credential's {name} is missing or wrong: it must be {wanted}.")
