"""Marks of missing models: how often a node may set them, how long they last, what they take away."""

import json
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from scheduling.messages import CapabilityByType, InstalledService
from web import model_marks
from web.model_marks import ModelMarks, without

Part = TypeVar("Part", bound=BaseModel)


class Clock:
    """A monotonic clock in the test's hands."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(model_marks, "time", clock)
    return clock


def note(marks: ModelMarks, service: str) -> bool:
    return marks.note({"service_id": service}, 60.0)


def test_a_mark_lasts_its_time(clock: Clock) -> None:
    marks = ModelMarks()
    assert note(marks, "nmt")
    clock.now_s += 59.9
    assert marks.active() == {"nmt"}
    clock.now_s += 0.2
    assert marks.active() == frozenset()


def test_jobs_that_fail_side_by_side_mark_once(clock: Clock) -> None:
    marks = ModelMarks()
    assert [note(marks, "nmt") for _ in range(3)] == [True, False, False]
    clock.now_s += 5.1
    assert note(marks, "nmt"), "it still fails: the mark is set anew"
    clock.now_s += 59
    assert marks.active() == {"nmt"}


def test_a_node_cannot_mark_without_end(clock: Clock) -> None:
    marks = ModelMarks()
    assert sum(note(marks, f"model-{number}") for number in range(50)) == 30
    clock.now_s += 10.1
    assert note(marks, "one more")


@pytest.mark.parametrize(
    "details", [None, "nmt", [], {}, {"service_id": ""}, {"service_id": 7}, {"model_id": "x" * 300}]
)
def test_details_that_name_nothing_mark_nothing(details: object) -> None:
    marks = ModelMarks()
    assert not marks.note(details, 60.0)
    assert marks.active() == frozenset()


def _read(kind: type[Part], **members: Any) -> Part:
    """Read a part of a message as it comes over the wire."""
    return kind.model_validate_json(json.dumps(members))


def test_a_type_goes_when_nothing_else_of_it_is_left() -> None:
    stated = [_read(CapabilityByType, type=kind, ready=True) for kind in ("asr", "nmt")]
    installed = [
        _read(
            InstalledService,
            service_id=name,
            type=kind,
            device="gpu",
            status="running",
            model_id=f"m-{name}",
        )
        for name, kind in (("asr-1", "asr"), ("nmt-1", "nmt"), ("nmt-2", "nmt"))
    ]

    def left(*marked: str) -> list[str]:
        found = without(frozenset(marked), stated, installed)
        return [str(entry.type) for entry in found if entry.ready]

    assert left() == left("unknown") == left("nmt-1") == ["asr", "nmt"]
    assert left("nmt-1", "m-nmt-2") == ["asr"]
    assert left("asr-1") == ["nmt"]
