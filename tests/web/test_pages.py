"""What a browser and a program are told at addresses where nothing is for them."""

import http.client
from collections.abc import Iterator

import pytest

from tests.stack import Stack

_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


def ask(
    stack: Stack, path: str, headers: dict[str, str], method: str = "GET"
) -> tuple[http.client.HTTPResponse, str]:
    """Give the response and its text."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.webs[0].port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def test_a_browser_that_is_lost_is_shown_what_there_is(stack: Stack) -> None:
    """It was shown the bare page of the framework, black on white in the dark as well."""
    response, text = ask(stack, "/nowhere", _BROWSER)
    assert response.status == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    for link in ("/", "/dashboard", "/node"):
        assert f'href="{link}"' in text
        assert ask(stack, link, _BROWSER)[0].status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nowhere", 404, "There is nothing at /nowhere. Clients dial /ws/session, nodes /ws/node.\n"),
        ("GET", "/ws/session", 400, "/ws/session is a WebSocket address: dial it with ws:// or wss://"),
        ("POST", "/dashboard", 405, "The method is not allowed"),
    ],
)
def test_a_program_is_told_in_a_sentence(
    stack: Stack, method: str, path: str, status: int, said: str
) -> None:
    """It was given HTML, and of the address of sockets that the server could not understand."""
    response, text = ask(stack, path, {}, method)
    assert response.status == status
    assert response.headers.get_content_type() == "text/plain"
    assert text.startswith(said)
    assert "<" not in text
    assert ("GET" in response.headers.get("Allow", "")) == (status == 405)


def test_an_unknown_path_cannot_put_words_into_a_page(stack: Stack) -> None:
    response, text = ask(stack, "/%3Cscript%3Ealert(1)%3C/script%3E", _BROWSER)
    assert response.status == 404
    assert "script" not in text
