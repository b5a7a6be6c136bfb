"""OpenAPI of the HTTP API and AsyncAPI of the sockets, made from the models and the routes.

``python -m tests.web.api.test_documents`` writes them to ``docs/``.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from scheduling.audit import AuditPage
from scheduling.explain import views
from scheduling.messages import codec
from web.api import fleet_views
from web.api.autoscaling import Autoscaling
from web.api.memory import CellMemory
from web.api.metrics import Metrics
from web.api.revocation_routes import Revocation, RevocationList
from web.api.session_routes import Session, Simulation
from web.api.upload_routes import UploadBody
from web.api.usage import UsageReport
from web.uploads import UploadState


class ErrorBody(BaseModel):
    """What is wrong, for programs and for people."""

    code: str
    message: str


class Error(BaseModel):
    """Body of every answer that is not 2xx."""

    error: ErrorBody


class Reason(BaseModel):
    """Body of a change by an operator; it may be left out."""

    reason: str = ""


class RevocationReason(Reason):
    """Body of a revocation; it may be left out. ``for_s``: it lapses after so many seconds."""

    for_s: int | None = None


_PAGED = ("limit", "cursor")
_PAIR = ("src*", "tgt*", "services", "tenant", "auto_langs")
_SIMULATION = ("src_lang", "tgt_lang", "tenant_id", "required", "exclude_node_id")
_UPLOAD = (
    "src*",
    "tgt*",
    "wait_s",
    "audio_format",
    "sample_rate",
    "dialect",
    "tenant",
    "trace_id",
    "auto_langs",
)

#: Method and path to the answer, the parameters of its query (* for those that must be there), and its body.
OPERATIONS: Mapping[tuple[str, str], tuple[type[BaseModel], tuple[str, ...], type[BaseModel] | None]] = {
    ("get", "/languages"): (fleet_views.Languages, (), None),
    ("get", "/stats"): (fleet_views.Stats, (), None),
    ("get", "/metrics"): (Metrics, (), None),
    ("get", "/memory"): (CellMemory, (), None),
    ("get", "/autoscaling"): (Autoscaling, (), None),
    ("get", "/cluster"): (fleet_views.Cluster, _PAGED, None),
    ("get", "/pools"): (views.PoolPage, ("limit",), None),
    ("get", "/nodes"): (views.NodePage, _PAGED, None),
    ("get", "/nodes/{node_id}"): (views.Node, (), None),
    ("get", "/nodes/{node_id}/explain"): (views.NodeExplanation, (), None),
    ("post", "/nodes/{node_id}/drain"): (views.Node, (), Reason),
    ("post", "/nodes/{node_id}/undrain"): (views.Node, (), Reason),
    ("post", "/nodes/{node_id}/quarantine"): (views.Node, (), Reason),
    ("get", "/jobs"): (views.JobPage, (*_PAGED, "state"), None),
    ("get", "/jobs/{job_id}"): (views.Job, (), None),
    ("get", "/jobs/{job_id}/explain"): (views.JobExplanation, (), None),
    ("post", "/jobs/{job_id}/cancel"): (views.Job, (), Reason),
    ("get", "/audit"): (AuditPage, (*_PAGED, "target"), None),
    ("get", "/dead"): (views.DeadPage, _PAGED, None),
    ("get", "/dead/{job_id}"): (views.DeadLetter, (), None),
    ("delete", "/dead/{job_id}"): (views.DeadLetter, (), None),
    ("post", "/dead/{job_id}/replay"): (views.Replayed, (), None),
    ("get", "/usage"): (UsageReport, ("from", "to", "by"), None),
    ("get", "/revocations"): (RevocationList, (), None),
    ("post", "/revocations/{kind}/{name}"): (Revocation, (), RevocationReason),
    ("delete", "/revocations/{kind}/{name}"): (Revocation, (), None),
    ("get", "/explain"): (views.PairExplanation, _PAIR, None),
    ("get", "/simulate"): (Simulation, _SIMULATION, None),
    ("get", "/sessions/{session_id}"): (Session, (), None),
    ("post", "/utterances"): (UploadState, _UPLOAD, UploadBody),
    ("get", "/utterances/{job_id}"): (UploadState, ("wait_s",), None),
}
#: Everybody may use these.
OPEN = ("/languages",)
#: Whoever may open a session may use these: without a credential where none are configured.
SPEAKERS = ("/utterances", "/utterances/{job_id}")

_WHOLE = ("limit", "wait_s", "sample_rate")


@cache
def openapi() -> dict[str, Any]:
    """Describe the HTTP API, as OpenAPI 3.1."""
    models: set[type[BaseModel]] = {Error, *(answer for answer, _, _ in OPERATIONS.values())}
    models |= {body for _, _, body in OPERATIONS.values() if body}
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), (answer, query, body) in OPERATIONS.items():
        paths.setdefault(f"/api/v1{path}", {})[method] = _operation(method, path, answer, query, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "speech-dispatch", "version": version("speech-dispatch")},
        "paths": paths,
        "components": {
            "schemas": _schemas(models, "serialization"),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    method: str, path: str, answer: type[BaseModel], query: Iterable[str], body: type[BaseModel] | None
) -> dict[str, Any]:
    inside = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": _STRING} for name in inside]
    parameters += [_parameter(name) for name in query]
    found: dict[str, Any] = {
        "operationId": "_".join([method, *(part.strip("{}") for part in path.split("/") if part)]),
        "summary": (answer.__doc__ or "").partition("\n")[0],
        "parameters": parameters,
        "responses": {"200": _body("Done.", answer), "default": _body("It was refused.", Error)},
        "security": [] if path in OPEN else [{"token": []}, *([{}] if path in SPEAKERS else [])],
    }
    if answer is UsageReport:
        found["responses"]["200"]["content"]["text/csv"] = {}
    if answer is UploadState:
        found["responses"]["202"] = _body("It runs: ask for the path in Location.", answer)
    if body is not None:
        content = {"application/json": {"schema": _ref(body)}}
        if body is UploadBody:
            content |= {"audio/wav": {}, "application/octet-stream": {}}
        found["requestBody"] = {"content": content, "required": body is UploadBody}
    return found


_STRING = {"type": "string"}


def _parameter(name: str) -> dict[str, Any]:
    plain = name.rstrip("*")
    schema: dict[str, Any] = {"type": "integer", "minimum": 0} if plain in _WHOLE else _STRING
    if plain == "required":
        schema = {"type": "array", "items": _STRING}
    return {"name": plain, "in": "query", "required": name.endswith("*"), "schema": schema}


def _body(words: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": _ref(model)}}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


_FRAMES = (
    "A frame is one JSON object as text; unknown members are ignored, and null means that a "
    "member is left out. A client that negotiated binary frames may send its audio in them (protocol.md)."
)


def asyncapi() -> dict[str, Any]:
    """Describe the two sockets, as AsyncAPI 3.0."""
    sockets = {
        "session": ("/ws/session", codec.ClientMessage, codec.ServerMessageToClient),
        "node": ("/ws/node", codec.NodeMessage, codec.ServerMessageToNode),
    }
    channels, operations = {}, {}
    models: set[type[BaseModel]] = set()
    for name, (address, heard, said) in sockets.items():
        both = {model.__name__: model for union in (heard, said) for model in get_args(union)}
        models |= set(both.values())
        messages = {title: {"$ref": f"#/components/messages/{title}"} for title in sorted(both)}
        channels[name] = {"address": address, "messages": messages}
        for action, union in (("receive", heard), ("send", said)):
            titles = sorted(model.__name__ for model in get_args(union))
            operations[f"{name}_{action}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{title}"} for title in titles],
            }
    schemas = _schemas(models, "validation")
    for model in models:  # the tag has a default in the models, but no frame is without it
        schema = schemas[model.__name__]
        schema["properties"]["type"].pop("default")
        schema["required"] = ["type", *schema.get("required", [])]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "speech-dispatch",
            "version": version("speech-dispatch"),
            "description": _FRAMES,
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": schemas,
            "messages": {
                model.__name__: {
                    "name": model.model_fields["type"].default,
                    "summary": " ".join((model.__doc__ or "").split()),
                    "payload": _ref(model),
                }
                for model in sorted(models, key=lambda model: str(model.__name__))
            },
        },
    }


def _schemas(models: Iterable[type[BaseModel]], mode: Any) -> dict[str, Any]:
    ordered = sorted(models, key=lambda model: model.__name__)
    _, found = models_json_schema(
        [(model, mode) for model in ordered], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def text_of(document: dict[str, Any]) -> str:
    """Write a document as the files have it."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
