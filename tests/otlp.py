"""A collector of traces on loopback: takes what OpenTelemetry sends over HTTP, and keeps it."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """A span as the collector has it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]


class Collector:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._spans: list[SpanSeen] = []
        self._lock = threading.Lock()

    @property
    def spans(self) -> list[SpanSeen]:
        with self._lock:
            return list(self._spans)

    def named(self, name: str) -> list[SpanSeen]:
        return [span for span in self.spans if span.name == name]

    def take(self, data: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest.FromString(data)
        for part in request.resource_spans:
            about = {item.key: item.value.string_value for item in part.resource.attributes}
            for scope in part.scope_spans:
                for span in scope.spans:
                    seen = SpanSeen(
                        service=about["service.name"],
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        attributes={
                            item.key: item.value.string_value or item.value.int_value
                            for item in span.attributes
                        },
                    )
                    with self._lock:
                        self._spans.append(seen)


@contextmanager
def collector() -> Iterator[Collector]:
    """Run one while the body does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name http.server has for it
            taken.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
