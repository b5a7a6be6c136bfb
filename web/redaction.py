"""No secret in any log: whatever is logged passes here first, whoever logs it and however."""

import logging
import re
from typing import Any, Final

#: What stands where a secret was.
HIDDEN: Final = "[hidden]"

_PATTERNS: Final = (
    # Secrets of paths, up to whatever ends a path in a log line.
    re.compile(r"(/ws/+[^/\s\"'?#]*/+)[^\s\"'?#,;)\]}>]+"),
    # Tokens in a header, JWTs and our own tokens anywhere.
    re.compile(r"(\b[Bb]earer\s+)[^\s\"',;)\]}]+"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"()\bsdt_[A-Za-z0-9_-]{8,}"),
)
_MAY_HOLD: Final = re.compile(r"/ws/|[Bb]earer|eyJ|sdt_")

_formatter = logging.Formatter()


def redact(text: str) -> str:
    """Give the text without secrets."""
    if not _MAY_HOLD.search(text):
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
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
