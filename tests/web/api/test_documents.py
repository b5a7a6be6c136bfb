"""The documents of the API are current, valid, and know every route and message."""

import json
from pathlib import Path

import pytest
from celery import Celery
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from scheduling.settings import Settings
from tests.stack import Stack
from tests.valkey import Valkey
from tests.web.api.test_api import get
from web.api.documents import OPERATIONS, asyncapi, openapi, text_of
from web.app import create_app
from web.dispatcher import Dispatcher

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_the_file_is_current(name: str) -> None:
    """Run ``python -m web.api.documents`` to write both anew."""
    document = openapi() if name == "openapi" else asyncapi()
    assert (DOCS / f"{name}.json").read_text(encoding="utf-8") == text_of(document)


def test_the_http_document_is_valid() -> None:
    OpenAPIV31SpecValidator(openapi()).validate()


def test_every_reference_of_the_sockets_leads_somewhere() -> None:
    document = asyncapi()

    def check(part: object) -> None:
        if isinstance(part, dict):
            if isinstance(ref := part.get("$ref"), str):
                at = document
                for step in ref.removeprefix("#/").split("/"):
                    at = at[step]
            for value in part.values():
                check(value)
        elif isinstance(part, list):
            for value in part:
                check(value)

    check(document)
    assert {"session_init", "job_assign", "node_register"} <= {
        message["name"] for message in document["components"]["messages"].values()
    }


def test_the_document_is_served(stack: Stack) -> None:
    assert get(stack, "openapi.json") == json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))


def test_every_route_is_in_the_document(routes: Flask) -> None:
    found = {
        (method.lower(), rule.rule.removeprefix("/api/v1").replace("<", "{").replace(">", "}"))
        for rule in routes.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found - set(OPERATIONS) == {("get", "/process"), ("get", "/openapi.json")}
    assert not set(OPERATIONS) - found


@pytest.fixture
def routes(own_valkey: Valkey) -> Flask:
    settings = Settings(redis_url=own_valkey.url)
    return create_app(settings, Dispatcher(settings, Celery()))
