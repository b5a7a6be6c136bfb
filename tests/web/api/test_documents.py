"""The documents of the API are current, valid, and know every route and message."""

import json
from pathlib import Path

import pytest
from celery import Celery
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from scheduling.settings import Settings
from tests.scheduling.messages.examples import MESSAGES, Example
from tests.stack import Stack
from tests.valkey import Valkey
from tests.web.api.test_api import get
from web.api.documents import OPERATIONS, asyncapi, openapi, text_of
from web.app import create_app
from web.dispatcher import Dispatcher

DOCS = Path(__file__).parents[3] / "docs"
MADE = {"openapi": openapi, "asyncapi": asyncapi}


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_the_file_is_current(name: str) -> None:
    """Run ``python -m tests.web.api.test_documents`` to write both anew."""
    assert (DOCS / f"{name}.json").read_text(encoding="utf-8") == text_of(MADE[name]())


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


@pytest.mark.parametrize("example", MESSAGES, ids=lambda example: example.model.__name__)
def test_examples_of_the_messages_are_what_their_schema_says(example: Example) -> None:
    schemas = {"components": {"schemas": asyncapi()["components"]["schemas"]}}
    schema = {"$ref": f"#/components/schemas/{example.model.__name__}", **schemas}
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for frame in (example.full, example.minimal):
        validator.validate(frame)
        assert not validator.is_valid({name: value for name, value in frame.items() if name != "type"})


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


if __name__ == "__main__":
    for name, make in MADE.items():
        (DOCS / f"{name}.json").write_text(text_of(make()), encoding="utf-8")
