"""The helper that runs test bodies under gevent must not hide their failures."""

import socket

import pytest

from tests.patched import run_patched


def is_patched(*args: int) -> list[int | bool]:
    return [*args, "gevent" in socket.socket.__module__]


def fails() -> None:
    assert False, "as it should"  # noqa: B011


def test_the_result_comes_back() -> None:
    assert run_patched("tests.test_patched:is_patched", 1, 2) == [1, 2, True]


def test_a_failure_comes_back_with_its_text() -> None:
    with pytest.raises(AssertionError, match="as it should"):
        run_patched("tests.test_patched:fails")
