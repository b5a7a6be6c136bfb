"""What a process does with a result that it is told whole: it is asked for only where it must be."""

import gevent
import pytest

from scheduling.delivery import OutEntry
from scheduling.drain import drain_shards
from scheduling.errors import StoreBusy
from scheduling.store.plain import PlainStore
from tests.faults import Fault, Faults
from tests.web.test_faults_above import Outage, Process

_PATIENCE_S = 20.0


@pytest.fixture
def process(store: PlainStore) -> Process:
    return Process(store, 1)


def _told(process: Process, index: int) -> OutEntry:
    """Say something, have it answered and released; give what the session's process is told."""
    assert process.say(index)
    process.answer()
    for shard in range(process.settings.shards):
        drain_shards(process.ledger, process.bodies, [shard])
    [(_, raw)] = process.plain.command("XREVRANGE", process.ledger.keys.inbox("web1"), "+", "-", "COUNT", 1)
    fields = {name.decode(): value.decode() for name, value in zip(raw[::2], raw[1::2], strict=True)}
    assert fields["kind"] == "out"
    return OutEntry.read(fields["until"], fields)


def _wait_for(process: Process, *ends: int) -> None:
    with gevent.Timeout(_PATIENCE_S):
        while process.ends() != list(ends):
            gevent.sleep(0.01)


def _speech(process: Process) -> list[bool]:
    return [bool(frame["tts_audio"]) for frame in process.client.frames if "tts_audio" in frame]


def test_it_is_sent_at_once_and_nothing_is_asked_of_the_store(process: Process) -> None:
    entry = _told(process, 0)
    process.faulty.faults = Faults(1, rate=1.0, kinds=[Fault.UNSENT])
    process.delivery.take(process.session, entry)
    assert (process.ends(), _speech(process)) == ([0], [True])
    assert not process.faulty.faults.met
    process.delivery.take(process.session, entry)  # told once more
    gevent.sleep(0)
    assert process.ends() == [0]


def test_speech_that_came_through_another_process_is_all_that_is_fetched(process: Process) -> None:
    entry = _told(process, 0)
    process.bodies.at_hand.drop_older(-1)
    process.faulty.faults = Outage("XRANGE")
    process.delivery.take(process.session, entry)
    _wait_for(process, 0)
    assert _speech(process) == [True]


def test_one_that_another_precedes_is_read_with_it_from_the_stream(process: Process) -> None:
    first, second = _told(process, 0), _told(process, 1)
    process.delivery.take(process.session, second)
    _wait_for(process, 0, 1)
    process.delivery.take(process.session, first)
    gevent.sleep(0)
    assert (process.ends(), _speech(process)) == ([0, 1], [True, True])


def test_a_client_that_is_behind_gets_it_from_the_stream_when_it_is_ready(process: Process) -> None:
    """What waits for it stays in Redis, not in this process, where it can come back for it."""
    process.session.token = "digest"
    entry = _told(process, 0)
    process.client.queued_bytes = 1
    process.faulty.faults = Outage("XRANGE")
    process.delivery.take(process.session, entry)
    gevent.sleep(0)
    assert process.ends() == []
    process.faulty.faults = Outage()
    process.delivery.resume_stalled([process.session])
    _wait_for(process, 0)


def test_it_comes_once_where_its_speech_could_not_be_given_back_at_first(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.session.token = "digest"
    entry = _told(process, 0)

    def refuse(*_: object) -> None:
        raise StoreBusy("too many calls wait")

    with monkeypatch.context() as patch:
        patch.setattr(process.bodies, "drop", refuse)
        process.delivery.take(process.session, entry)
        gevent.sleep(0)
        assert process.ends() == []
    process.delivery.resume_stalled([process.session])
    _wait_for(process, 0)
    assert _speech(process) == [True]
