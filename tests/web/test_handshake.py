"""Handshakes that are none are answered, never raised through the server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.raw_peer import HANDSHAKE
from web.handshake import HandshakeError, accept
from web.options import ConnectionOptions


def environ(**changed: str | None) -> dict[str, str]:
    """A good request, with some headers changed, or left out (None)."""
    good = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HANDSHAKE.items()}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def test_a_good_request_is_accepted() -> None:
    accepted = accept(environ(), ConnectionOptions())
    assert accepted.response.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in accepted.response.lower()
    assert (accepted.subprotocol, accepted.deflate) == (None, None)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"HTTP_SEC_WEBSOCKET_KEY": None}, 400),
        ({"HTTP_SEC_WEBSOCKET_VERSION": None}, 400),
        ({"HTTP_SEC_WEBSOCKET_VERSION": "8"}, 426),
        ({"HTTP_UPGRADE": "h2c"}, 400),
        ({"HTTP_CONNECTION": "close"}, 400),
        ({"HTTP_SEC_WEBSOCKET_EXTENSIONS": "\xff"}, 400),
        ({"HTTP_SEC_WEBSOCKET_EXTENSIONS": "permessage-deflate; client_max_window_bits=x"}, 400),
        ({"HTTP_SEC_WEBSOCKET_PROTOCOL": "\u20ac"}, 400),
    ],
)
def test_a_bad_request_is_refused_with_a_status(changed: dict[str, str | None], status: int) -> None:
    with pytest.raises(HandshakeError) as refused:
        accept(environ(**changed), ConnectionOptions(deflate=True))
    assert refused.value.status == status
    assert str(refused.value)


def test_an_old_peer_is_told_the_version_we_speak() -> None:
    with pytest.raises(HandshakeError) as refused:
        accept(environ(HTTP_SEC_WEBSOCKET_VERSION="8"), ConnectionOptions())
    assert refused.value.headers == {"Sec-WebSocket-Version": "13"}


@given(
    st.dictionaries(st.sampled_from(sorted(environ())), st.text(st.characters(codec="latin-1"), max_size=40))
)
def test_whatever_the_headers_say_it_is_accepted_or_refused(changed: dict[str, str]) -> None:
    try:
        accept(environ(**changed), ConnectionOptions(deflate=True))
    except HandshakeError as refused:
        assert refused.status in (400, 426)


@pytest.mark.parametrize(
    ("asked", "chosen"), [("a, b", "a"), ("c, b, a", "b"), ("c", None), (None, None)]
)  # fmt: skip
def test_the_peers_first_sub_protocol_that_we_speak_is_chosen(asked: str | None, chosen: str | None) -> None:
    accepted = accept(environ(HTTP_SEC_WEBSOCKET_PROTOCOL=asked), ConnectionOptions(subprotocols=("b", "a")))
    assert accepted.subprotocol == chosen
    assert (b"sec-websocket-protocol" in accepted.response.lower()) == (chosen is not None)


@pytest.mark.parametrize(
    "offered",
    [
        "permessage-deflate; client_max_window_bits=8",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=99",
    ],
)
def test_compression_we_cannot_do_is_not_agreed(offered: str) -> None:
    accepted = accept(environ(HTTP_SEC_WEBSOCKET_EXTENSIONS=offered), ConnectionOptions(deflate=True))
    assert accepted.deflate is None
