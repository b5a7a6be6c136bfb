"""Every close code says when it is sent and what its receiver should do."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise

import pytest

from tests.web.raw_peer import CLOSE, frame
from web import close_codes
from web.close_codes import CloseCode, Reconnect
from web.frames import FrameReader, close_frame

#: Codes that RFC 6455 lets a program report but never put into a frame.
NEVER_SENT = {CloseCode.NO_STATUS, CloseCode.ABNORMAL}


def docstrings(name: str) -> dict[str, str]:
    """The string below each member of an enumeration of the module."""
    module = ast.parse(inspect.getsource(close_codes))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {
        member.targets[0].id: text.value.value
        for member, text in pairwise(body)
        if isinstance(member, ast.Assign)
        and isinstance(member.targets[0], ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


@pytest.mark.parametrize("code", CloseCode)
def test_each_says_when_and_what_the_peer_should_do(code: CloseCode) -> None:
    text = docstrings("CloseCode")[code.name]
    if code in NEVER_SENT:
        assert text.startswith("Never sent. ")
    else:
        when, peer = (line.strip() for line in text.strip().splitlines())
        assert when.startswith("When: ")
        assert peer.startswith("Peer: ")


@pytest.mark.parametrize("advice", Reconnect)
def test_each_advice_is_explained(advice: Reconnect) -> None:
    assert docstrings("Reconnect")[advice.name]


@pytest.mark.parametrize("code", CloseCode)
def test_codes_are_legal_on_the_wire_unless_never_sent(code: CloseCode) -> None:
    assert 1000 <= code <= 1014 or 4000 <= code <= 4999
    reader = FrameReader(125)
    reader.feed(frame(CLOSE, close_frame(code, "why")[2:]))
    if code not in NEVER_SENT:
        assert reader.next() == (code, "why")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (CloseCode.NORMAL, Reconnect.NO),
        (CloseCode.RESTART, Reconnect.AS_TOLD),
        (CloseCode.SLOW_PEER, Reconnect.WITH_JITTER),
        (CloseCode.REPLACED, Reconnect.NO),
        (CloseCode.MESSAGE_TOO_BIG, Reconnect.NO),
    ],
)
def test_advice_that_programs_rely_on(code: CloseCode, advice: Reconnect) -> None:
    assert code.reconnect is advice
