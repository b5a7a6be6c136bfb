"""The publisher in a process as the web process is, against brokers that fail."""

import pytest

from tests.patched import run_patched


@pytest.mark.parametrize(
    "case",
    [
        "coalesced",
        "the_connection_goes_with_the_greenlet",
        "refused_and_then_there",
        "killed_and_restarted_again_and_again",
        "nobody_takes_the_messages",
        "stopped_while_the_loop_goes_on",
    ],
)
def test_publisher(case: str) -> None:
    run_patched("tests.web.publisher_cases:run", case)
