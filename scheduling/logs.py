"""Logs of every process, set up in this one place: a line for an event, for people or for programs.

Code logs with `logging` as ever. What an event is about goes along as fields, by ``extra={"job": …}`` or, for
all that a greenlet logs, by `about`; a program reads them without taking sentences apart. Texts and audio of
utterances are never logged, and what looks like a secret is blotted out.
"""

import logging
import os
import re
import sys
import time
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.stdlib import ExtraAdder, ProcessorFormatter

from scheduling.redaction import HIDDEN, redact

Event = MutableMapping[str, Any]

#: What an event may be about. Celery and others put more into their records than is meant to be read.
FIELDS: Final = (
    "trace", "session", "job", "node", "tenant", "instance", "attempt", "code", "status", "reason",
    "languages", "slots", "action", "left_out", "task", "method", "path", "ms",
)  # fmt: skip
_SECRET_NAMES: Final = re.compile(r"token|passw|secret|credential|authorization|cookie", re.IGNORECASE)
_HEAD: Final = ("timestamp", "level", "logger", "event")

_always: dict[str, str] = {}


def configure_logs(level: int | str = "INFO", log_format: str = "auto", stream: TextIO | None = None) -> None:
    """Have everything that this process logs written to ``stream``, stderr unless stated.

    ``auto`` is text on a terminal and JSON elsewhere. Whoever set up logging before is overruled.
    """
    out = stream or sys.__stderr__ or sys.stderr
    as_text = log_format == "text" or (log_format != "json" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[
                ExtraAdder(FIELDS),
                merge_contextvars,
                _add_always,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                _add_level,
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _blot,
                _text if as_text else structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)


def format_of_environment() -> str:
    """Give ``LOG_FORMAT`` where there are no settings to read, as of a node; what is wrong counts as auto."""
    return os.environ.get("LOG_FORMAT", "auto").lower()


def know_always(**fields: str) -> None:
    """Let all that this process logs carry these fields."""
    _always.update(fields)


def about(**fields: str | None) -> None:
    """Let all that the running greenlet logs carry these fields, those that are empty left out."""
    bind_contextvars(**{name: value for name, value in fields.items() if value})


def about_nothing() -> None:
    """Forget what `about` said: another connection begins."""
    clear_contextvars()


def _add_always(_logger: Any, _name: str, event: Event) -> Event:
    for name, value in _always.items():
        event.setdefault(name, value)
    return event


def _add_level(_logger: Any, _name: str, event: Event) -> Event:
    record = event.get("_record")
    level = record.levelname if record is not None else "INFO"
    event["level"] = level
    return {name: event.pop(name, "") for name in _HEAD} | dict(event)


def _blot(_logger: Any, _name: str, event: Event) -> Event:
    """Take out what nobody should read in a log."""
    for name, value in event.items():
        if name not in _HEAD and _SECRET_NAMES.search(name):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = redact(value)
    return event


def _text(_logger: Any, _name: str, event: Event) -> str:
    """Write a line that begins like those of Python's own; fields follow, and the trace of an exception."""
    traces = [str(event.pop(name, None) or "") for name in ("exception", "stack")]
    moment, level, logger, said = (str(event.pop(name, "")) for name in _HEAD)
    # Who writes is plain to whoever reads a terminal.
    told = {name: value for name, value in event.items() if _always.get(name) != value}
    fields = "".join(f" {name}={_word(value)}" for name, value in told.items())
    head = f"{moment[:10]} {moment[11:23]} {level} {logger}: {said.replace(chr(10), ' | ')}{fields}"
    lines = [head, *(line for trace in traces if trace for line in trace.split("\n"))]
    return "\n".join(map(_printable, lines))


def _word(value: object) -> str:
    word = str(value)
    return repr(word) if not word or any(char.isspace() or char in "\"'=" for char in word) else word


def _printable(line: str) -> str:
    """Write out what would do something to a terminal: much of a line is the word of a stranger."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


class Sparing:
    """Tells of events that may come in thousands a second, as under overload: some, and counts the others."""

    def __init__(self, log: logging.Logger, most_per_s: int = 20) -> None:
        self._log = log
        self._most = most_per_s
        self._second = 0
        self._told = 0
        self._left_out = 0

    def info(self, said: str, **fields: object) -> None:
        """Log an event with its fields, or count it among those that the next one says were left out."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._told = second, 0
        if self._told >= self._most:
            self._left_out += 1
            return
        self._told += 1
        if self._left_out:
            fields["left_out"], self._left_out = self._left_out, 0
        self._log.info(said, extra={name: value for name, value in fields.items() if value not in (None, "")})
