"""The signs by which a process sees that the ledger's server may have lost writes."""

import pytest

from web.recovery import LossWatch

CALM = (b"epoch", b"run", b"1000")


@pytest.mark.parametrize(
    ("now", "suspects"),
    [
        ((b"epoch", b"run", b"1001"), False),
        ((b"epoch", None, b"1001"), False),
        ((None, b"run", None), True),
        ((b"other", b"run", b"1001"), True),
        ((b"epoch", b"another", b"1001"), True),
        ((b"epoch", b"run", b"1000"), True),
        ((b"epoch", b"run", b"500"), True),
        ((b"epoch", b"run", None), True),
        ((b"epoch", None, b"500"), True),
    ],
    ids=[
        "nothing", "a server that does not say who it is", "flushed", "flushed and opened by another process",
        "restarted", "its sign of life was acknowledged and is not there", "an older one is there",
        "none is there", "older, and it does not say who it is",
    ],
)  # fmt: skip
def test_what_is_taken_for_a_loss(
    now: tuple[bytes | None, bytes | None, bytes | None], suspects: bool
) -> None:
    watch = LossWatch()
    assert not watch.may_have_lost(None, b"run", None), "nobody knew anything before"
    watch.renewed()
    assert not watch.may_have_lost(*CALM)
    watch.renewed()
    assert watch.may_have_lost(*now) is suspects


def test_sign_of_life_that_was_not_acknowledged_is_not_missed() -> None:
    watch = LossWatch()
    watch.may_have_lost(*CALM)
    assert not watch.may_have_lost(*CALM)


def test_each_loss_is_seen_once() -> None:
    watch = LossWatch()
    watch.may_have_lost(*CALM)
    watch.renewed()
    assert watch.may_have_lost(b"epoch", b"another", b"900")
    watch.renewed()
    assert not watch.may_have_lost(b"epoch", b"another", b"1500")
