"""No secret in any log or on any terminal: what looks like one is blotted out, whoever writes it."""

import logging
import re
from typing import Any, Final

#: What stands where a secret was.
HIDDEN: Final = "***"

_PATTERNS: Final = (
    # Secrets of paths, up to whatever ends a path in a log line.
    (re.compile(r"(/ws/+[^/\s\"'?#]*/+)[^\s\"'?#,;)\]}>]+"), rf"\1{HIDDEN}"),
    # Passwords of URLs.
    (re.compile(r"(://[^/\s:@]*):[^@/\s]+@"), rf"\1:{HIDDEN}@"),
    # Tokens in a header, JWTs and our own tokens anywhere.
    (re.compile(r"\b(bearer|basic)(\s+)[^\s\"',;)\]}]+", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"\bsdt_[\w-]{8,}"), HIDDEN),
    # What is called a secret.
    (
        re.compile(r"\b((?:\w*token|password|secret|credential)\"?[=:]\s*\"?)[^\s&\",;]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # pydantic shows what it was given, which may be what somebody said.
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), f"input_value={HIDDEN}"),
)

_formatter = logging.Formatter()


def redact(text: str) -> str:
    """Give the text without the secrets that can be told by their looks."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def install() -> None:
    """Redact every record of this process from now on; called again it changes nothing."""
    former = logging.getLogRecordFactory()
    if not getattr(former, "redacts", False):
        logging.setLogRecordFactory(_Redacting(former))


class _Redacting:
    """Makes records as the former factory does, then takes out what nobody may read.

    At the factory and not at a handler or formatter: those are set by gunicorn, Celery, Flask and whoever
    configures logs, and one that was forgotten would tell.
    """

    redacts = True

    def __init__(self, former: Any) -> None:
        self._former = former

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._former(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # a wrong format string is told of by logging itself
            return record
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] is not None:
            trace = _formatter.formatException(record.exc_info)
            hidden = redact(trace)
            if hidden != trace:
                record.exc_text, record.exc_info = hidden, None
        return record
