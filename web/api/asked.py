"""What a request asks: its parameters, checked."""

import re
from collections.abc import Sequence

from flask import Request

from web.api.errors import bad_request

#: Words an operator gives as a reason are kept this long, in characters.
MOST_WORDS = 200
SERVICES = ("asr", "nmt", "tts", "semantic", "tone")

_LANGUAGE = re.compile(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")
_MOST_LANGUAGE = 35
_MOST_LANGUAGES = 30


def limit_of(request: Request, most: int, default: int) -> int:
    """Give ``limit``, from 1 to ``most``. Raises `ApiError`."""
    text = request.args.get("limit", str(default))
    if not (text.isdecimal() and len(text) < 9 and 1 <= int(text) <= most):
        raise bad_request(f"limit is {text[:20]!r}. Send a number from 1 to {most}.")
    return int(text)


def one_of(request: Request, name: str, allowed: Sequence[str]) -> str:
    """Give a parameter that is one of some words, or empty. Raises `ApiError`."""
    text = request.args.get(name, "")
    if text and text not in allowed:
        raise bad_request(f"{name} is {text[:20]!r}. Send one of {', '.join(allowed)}.")
    return text


def language_of(request: Request, name: str) -> str:
    """Give a language code. Raises `ApiError`."""
    if not (text := request.args.get(name, "")):
        raise bad_request(f"{name} is missing. Send a language code such as en, pt-br or auto.")
    return _language(text)


def languages_of(request: Request, name: str) -> list[str]:
    """Give a list of language codes, separated by commas. Raises `ApiError`."""
    codes = [_language(item.strip()) for item in request.args.get(name, "").split(",") if item.strip()]
    if len(codes) > _MOST_LANGUAGES:
        raise bad_request(f"{name} names {len(codes)} languages. Send {_MOST_LANGUAGES} at most.")
    return codes


def services_of(request: Request) -> list[str]:
    """Give the services asked for; speech to speech unless stated. Raises `ApiError`."""
    names = [item.strip() for item in request.args.get("services", "asr,nmt,tts").split(",") if item.strip()]
    unknown = [name for name in names if name not in SERVICES]
    if unknown or not names:
        found = repr(unknown[0][:20]) if unknown else "empty"
        raise bad_request(f"services is {found}. Send some of {', '.join(SERVICES)}, separated by commas.")
    return names


def reason_of(request: Request) -> str:
    """Give the operator's reason from the body, which may be left out. Raises `ApiError`."""
    body = request.get_json(force=True, silent=True) if request.get_data(cache=True) else {}
    reason = body.get("reason", "") if isinstance(body, dict) else None
    if not isinstance(reason, str):
        raise bad_request('The body is not as expected. Send JSON such as {"reason": "new driver"}.')
    # One line: it is printed in tables and sent to the node.
    return " ".join(reason.split())[:MOST_WORDS]


def _language(text: str) -> str:
    if len(text) > _MOST_LANGUAGE or not _LANGUAGE.fullmatch(text):
        raise bad_request(f"{text[:35]!r} is not a language code. Send one such as en, pt-br or auto.")
    return text
