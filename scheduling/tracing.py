"""Traces of utterances through client, web process, Redis, worker and node, by OpenTelemetry.

They are on where ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set and the extra ``tracing`` is installed. Off, which is
the rule, nothing of OpenTelemetry is imported here, and `on` is all that anybody looks at. With jobs goes a
W3C ``traceparent``. No span has texts or audio.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_HEADER = "traceparent"

on = False
"""Whether spans are made."""

_api: Any = None
_tracer: Any = None
_propagator: Any = None


class Span:
    """A stretch of work on an utterance; without tracing it is nothing."""

    def __init__(self, span: Any = None, traceparent: str = "") -> None:
        self._span = span
        self.traceparent = traceparent
        """For whoever goes on with the work; "" without tracing."""

    def note(self, **attributes: str | int) -> None:
        """Add what it is about: ids, codes and numbers."""
        if self._span is not None:
            self._span.set_attributes(_named(attributes))


def start(service: str) -> None:
    """Begin to make spans if the environment asks for it; once a process, after it was forked."""
    global on, _api, _tracer, _propagator  # one for the process
    if on or not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        _log.warning("no traces are made: install speech-dispatch[tracing], or unset %s", _ENDPOINTS[0])
        return
    named = os.environ.get("OTEL_SERVICE_NAME")
    resource = Resource.create({"service.name": named or f"speech-dispatch-{service}"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _api, _tracer = trace, provider.get_tracer("speech-dispatch")
    _propagator = TraceContextTextMapPropagator()
    on = True


@contextmanager
def span(name: str, parent: str | None = "", **attributes: str | int) -> Iterator[Span]:
    """Make a span of the body: under ``parent`` (a traceparent), else under the one that is open here.

    What is raised in it is noted by the name of its kind alone; its words may hold what somebody said.
    """
    if not on:
        yield Span()
        return
    context = _propagator.extract({_HEADER: parent}) if parent else None
    with _tracer.start_as_current_span(
        name, context, attributes=_named(attributes), record_exception=False, set_status_on_exception=False
    ) as made:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        try:
            yield Span(made, carrier.get(_HEADER, ""))
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(_api.StatusCode.ERROR)
            raise


@contextmanager
def step(name: str) -> Iterator[None]:
    """Make a span of the body if it is part of one that is open here."""
    if on and _api.get_current_span().get_span_context().is_valid:
        with span(name):
            yield
    else:
        yield


def mark(name: str, parent: str, **attributes: str | int) -> None:
    """Make a span of a moment, where its work is not waited for; none without a parent."""
    if on and parent:
        with span(name, parent, **attributes):
            pass


def _named(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return {f"speech_dispatch.{name}": value for name, value in attributes.items() if value != ""}
