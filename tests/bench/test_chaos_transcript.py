"""Keeping the score of a session: every way to go wrong is counted as what it is, and nothing else."""

from bench.chaos.transcript import SOUND_BYTES, Answer, Transcript, sound


def _said(count: int) -> tuple[Transcript, list[str]]:
    """A session that said so many utterances; and their texts."""
    transcript = Transcript("4.2")
    return transcript, [transcript.say(float(number)).decode() for number in range(count)]


def _answered(count: int, *answers: Answer) -> Transcript:
    transcript, _ = _said(count)
    transcript.answers += answers
    transcript.settle()
    return transcript


def _texts(count: int) -> list[str]:
    return _said(count)[1]


def _result(index: int, text: str) -> Answer:
    return Answer(index, 10.0 + index, text, job=f"job-{index}")


def _outcomes(transcript: Transcript) -> list[str]:
    return [said.outcome for said in transcript.said]


def test_all_answered_in_order_is_all_well() -> None:
    transcript = _answered(3, *(_result(index, text) for index, text in enumerate(_texts(3))))
    assert _outcomes(transcript) == ["result"] * 3
    assert [said.ended_s for said in transcript.said] == [10.0, 11.0, 12.0]
    assert (transcript.duplicated, transcript.misordered, transcript.complaints) == (0, 0, [])


def test_an_utterance_without_an_answer_is_lost_wherever_it_stands() -> None:
    texts = _texts(3)
    for lost in range(3):
        there = [text for number, text in enumerate(texts) if number != lost]
        transcript = _answered(3, *(_result(index, text) for index, text in enumerate(there)))
        assert [number for number, outcome in enumerate(_outcomes(transcript)) if outcome == "lost"] == [lost]
        assert f"utterance {lost} is lost" in transcript.complaints[0]


def test_a_result_that_comes_twice_is_duplicated() -> None:
    texts = _texts(2)
    transcript = _answered(2, _result(0, texts[0]), _result(1, texts[1]), _result(2, texts[1]))
    assert (transcript.duplicated, transcript.misordered) == (1, 0)


def test_a_result_before_one_of_earlier_speech_is_misordered() -> None:
    texts = _texts(2)
    transcript = _answered(2, _result(1, texts[1]), _result(0, texts[0]))
    assert (transcript.duplicated, transcript.misordered) == (0, 1)
    assert _outcomes(transcript) == ["result", "result"]


def test_an_error_and_a_refusal_each_end_the_utterance_they_stand_for() -> None:
    texts = _texts(4)
    error = Answer(1, 9.0, outcome="error", code="JOB_TIMEOUT", job="job-9")
    refusal = Answer(2, 8.0, outcome="refused", code="NODE_OVERLOADED")
    # A refusal is told at once, before the results of what was said earlier.
    transcript = _answered(4, refusal, _result(0, texts[0]), error, _result(3, texts[3]))
    assert _outcomes(transcript) == ["result", "error", "refused", "result"]
    assert (transcript.said[1].job, transcript.said[1].ended_s, transcript.misordered) == ("job-9", 9.0, 0)


def test_one_error_does_not_hide_that_the_utterance_after_the_next_result_is_lost() -> None:
    texts = _texts(3)
    transcript = _answered(3, Answer(0, 9.0, outcome="error", code="JOB_TIMEOUT"), _result(1, texts[1]))
    assert _outcomes(transcript) == ["error", "result", "lost"]


def test_an_utterance_that_was_cut_in_two_is_whole_when_both_pieces_are_answered() -> None:
    """A stalled connection is a pause to the server: it ends the utterance there, and the rest is another."""
    first, second = _texts(2)
    cut = SOUND_BYTES // 2
    pieces = [_result(0, first), _result(1, second[:cut]), _result(2, second[cut:])]
    whole = _answered(2, *pieces)
    assert (_outcomes(whole), whole.duplicated, whole.misordered) == (["result", "result"], 0, 0)
    assert whole.said[1].ended_s == 12.0
    assert _outcomes(_answered(2, *pieces[:2])) == ["result", "lost"]
    failed = _answered(2, *pieces[:2], Answer(2, 9.0, outcome="error", code="JOB_TIMEOUT"))
    assert _outcomes(failed) == ["result", "error"]


def test_an_utterance_that_was_cut_in_two_may_be_refused_twice() -> None:
    """A stalled connection is a pause to the server, and both pieces come when all nodes are busy."""
    texts = _texts(2)
    refused = [Answer(index, 11.0, outcome="refused", code="NODE_OVERLOADED") for index in (1, 2)]
    transcript = _answered(2, _result(0, texts[0]), *refused)
    assert _outcomes(transcript) == ["result", "refused"]
    assert transcript.complaints == []


def test_an_answer_without_result_of_what_had_one_is_told_of() -> None:
    texts = _texts(2)
    refused = Answer(1, 11.0, outcome="refused", code="NODE_OVERLOADED")
    transcript = _answered(2, _result(0, texts[0]), refused, _result(2, texts[1]))
    assert "1 answers without result of what had one" in transcript.complaints[0]
    again = _answered(2, _result(0, texts[0]), refused, refused)
    assert "1 told twice" in again.complaints[0]


def test_what_nobody_said_is_no_result() -> None:
    transcript = _answered(1, Answer(0, 1.0, "something else"))
    assert _outcomes(transcript) == ["lost"]
    assert "what nobody said" in transcript.complaints[0]


def test_no_two_stretches_of_what_is_said_are_alike() -> None:
    spoken = b"".join(sound("4.2", number) for number in range(20))
    stretches = {spoken[start : start + 32] for start in range(0, len(spoken), 32)}
    assert len(stretches) == len(spoken) // 32
    assert all(spoken.count(stretch) == 1 for stretch in stretches)
