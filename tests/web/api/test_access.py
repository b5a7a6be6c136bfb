"""Who may use the operators' API."""

import http.client
from collections.abc import Iterator

import pytest

from tests.stack import Stack


@pytest.fixture(scope="module")
def guarded() -> Iterator[Stack]:
    with Stack(admin_token="s3cret-töken") as running:
        yield running
        assert "s3cret" not in "".join(process.log for process in running.processes)


def ask(stack: Stack, path: str = "/api/v1/nodes", **headers: str) -> tuple[int, str, str | None]:
    """Give status, body and WWW-Authenticate."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.webs[0].port, timeout=10)
    try:
        named = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
        connection.request("GET", path, headers=named)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.getheader("WWW-Authenticate")
    finally:
        connection.close()


def test_without_a_token_this_machine_may_ask(stack: Stack) -> None:
    assert ask(stack)[0] == 200


@pytest.mark.parametrize(
    "header",
    [
        "X_Forwarded_For",
        "X_Forwarded_Port",
        "Forwarded",
        "X_Real_IP",
        "CF_Connecting_IP",
        "Via",
        "Origin",
        "X_Forwarded_Proto",
    ],
)
def test_without_a_token_a_proxy_or_a_web_page_may_not(stack: Stack, header: str) -> None:
    status, body, _ = ask(stack, **{header: "127.0.0.1"})
    assert status == 403
    assert "ADMIN_TOKEN" in body


def test_without_a_token_a_name_that_points_here_does_not_help(stack: Stack) -> None:
    """A web page may resolve its own name to 127.0.0.1, but the browser sends that name."""
    assert ask(stack, Host="evil.example")[0] == 403
    assert ask(stack, Host="localhost")[0] == 200
    assert ask(stack, Host="[::1]:5010")[0] == 200


def test_with_a_token_only_its_bearer_may_ask(guarded: Stack) -> None:
    assert ask(guarded, Authorization="Bearer s3cret-töken")[0] == 200
    assert ask(guarded, Authorization="bearer s3cret-töken", X_Forwarded_For="10.0.0.1")[0] == 200


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Bearer", "Basic s3cret-töken", "s3cret-töken"])
def test_with_a_token_everybody_else_may_not(guarded: Stack, given: str) -> None:
    status, body, scheme = ask(guarded, **({"Authorization": given} if given else {}))
    assert (status, scheme) == (401, 'Bearer realm="speech-dispatch"')
    assert '"UNAUTHORIZED"' in body


def test_health_readiness_and_the_process_stay_open(guarded: Stack) -> None:
    for path in ("/", "/health", "/ready", "/api/v1/process"):
        assert ask(guarded, path)[0] == 200
