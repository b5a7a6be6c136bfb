"""Requests made from the HTTP document, right ones and wrong ones: every answer is what the document says.

But for this: the document has types and not, as of a language, what may stand there in detail, so a request
right by its types may be refused with a sentence; and members of a query that nobody knows are ignored.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, settings
from schemathesis.openapi import from_path
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.stack import Stack

#: Bytes of a request's first line that gunicorn takes; a longer one it answers before us, in HTML.
_LONGEST_LINE = 4094
_TOKEN = "correct horse battery staple"
_SCHEMA = from_path(Path(__file__).parents[3] / "docs" / "openapi.json")


@schemathesis.serializer("audio/wav")
def audio(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    with Stack(admin_token=_TOKEN) as running:
        yield running


@_SCHEMA.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_documented(own_stack: Stack, case: schemathesis.Case) -> None:
    base_url = f"http://127.0.0.1:{own_stack.webs[0].port}"
    words = case.as_transport_kwargs(base_url=base_url)
    asked = requests.Request("GET", words["url"], params=words.get("params")).prepare()
    assume(len(asked.path_url) < _LONGEST_LINE - len("DELETE  HTTP/1.1"))
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    lenient = [negative_data_rejection, positive_data_acceptance]
    case.call_and_validate(base_url=base_url, headers=headers, excluded_checks=lenient)
