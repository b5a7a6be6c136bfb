import json

from hypothesis import given
from hypothesis import strategies as st

from scheduling.delivery import OutEntry, follows, precedes
from scheduling.messages import MissingResult, TranslationResult, UiEvent, UiEventName, UiStatus
from scheduling.messages import parse_server_message_to_client as parse

RESULT = TranslationResult(
    session_id="s-1", utterance_index=2, job_id="job-1", text_asr="hi", text_translated="olá", trace_id="t"
)
MISSING = MissingResult(session_id="s-1", utterance_index=2, reason="silence_detected", created_at_ms=5)
EVENT = UiEvent(
    trace_id="t", session_id="s-1", job_id="job-1", utterance_index=2, event=UiEventName.ASR_FINAL,
    status=UiStatus.OK,
)  # fmt: skip
IDS = st.tuples(st.integers(0, 50), st.integers(0, 5))


def entry(main: TranslationResult | MissingResult, group: str = "") -> OutEntry:
    text = main.model_dump_json(exclude={"tts_audio"}, exclude_none=True)
    events = EVENT.model_dump_json(exclude_none=True)
    fields = {
        "tgt": "pt", "order": "2", "group": group, "part": "1", "speech": "", "events": events, "main": text,
    }  # fmt: skip
    return OutEntry.parse([b"17-0", [part.encode() for pair in fields.items() for part in pair]])


def test_a_result_goes_out_after_its_events_with_speech_group_and_time() -> None:
    event, main = (parse(frame) for frame in entry(RESULT, group="group_1").frames("AAAA"))
    assert event == EVENT
    assert isinstance(main, TranslationResult)
    assert main.scheduler_sent_at_ms is not None
    assert main == RESULT.model_copy(
        update={
            "tts_audio": "AAAA",
            "group_id": "group_1",
            "part_index": 1,
            "scheduler_sent_at_ms": main.scheduler_sent_at_ms,
        }
    )


def test_a_result_without_text_belongs_to_no_group() -> None:
    main = json.loads(entry(RESULT).frames("")[-1])
    assert "group_id" not in main
    assert main["tts_audio"] == ""


def test_what_stands_for_a_result_is_sent_as_it_is() -> None:
    assert parse(entry(MISSING, group="group_1").frames("")[-1]) == MISSING


@given(IDS, IDS)
def test_stream_ids_are_ordered_as_numbers(a: tuple[int, int], b: tuple[int, int]) -> None:
    assert precedes("-".join(map(str, a)), "-".join(map(str, b))) == (a <= b)


def test_nothing_was_sent_before_the_first_entry() -> None:
    assert precedes("", "0-1")
    assert not precedes("0-1", "")


def test_an_entry_names_its_job_also_when_it_has_no_result() -> None:
    assert entry(RESULT).is_about("job-1")
    assert entry(MISSING).is_about("job-1")
    assert not entry(MISSING).is_about("job-2")


@given(IDS, IDS)
def test_no_entry_stands_between_one_and_that_which_follows_it(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    assert follows("-".join(map(str, b)), "-".join(map(str, a))) == (b == (a[0], a[1] + 1))


def test_the_first_entry_follows_none() -> None:
    assert follows("17-1", "")
    assert not follows("17-2", "")
    assert not follows("18-1", "17-1")
