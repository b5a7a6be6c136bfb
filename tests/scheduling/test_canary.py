"""What a node said against what it was to say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.canary import Answer, Expected, judge, likeness, next_node, words_of
from scheduling.settings import Settings, SettingsError, read_settings

KNOWN = "The quick brown fox jumps over the dog."
#: Each once: of words that are repeated, difflib may find fewer than there are.
_WORDS = st.lists(st.text("abcdefghij", min_size=1, max_size=6), min_size=1, max_size=12, unique=True)
_OTHERS = st.lists(st.text("uvwxyz", min_size=1, max_size=6), min_size=1, max_size=12)
CANARY = {
    "canary_s": "1",
    "canary_file": "x.wav",
    "canary_text": "good morning",
    "canary_from": "en",
    "canary_to": "pt",
}


@given(st.text(), st.text())
def test_a_likeness_is_a_share_and_counts_known_words_only(known: str, said: str) -> None:
    like = likeness(known, said)
    assert 0 <= like.ratio <= 1
    assert 0 <= like.found <= like.known == len(words_of(known))


@given(st.text())
def test_the_same_text_is_the_very_same(text: str) -> None:
    like = likeness(text, text)
    assert (like.ratio, like.found) == (1, like.known)


@given(_WORDS, st.sampled_from([" ", ", ", "  — ", "\n", " ... "]), st.booleans())
def test_case_and_punctuation_are_nothing(words: list[str], between: str, shouted: bool) -> None:
    said = f"¿{between.join(words)}!"
    assert likeness(" ".join(words), said.upper() if shouted else said).ratio == 1


@given(_WORDS, _OTHERS)
def test_other_words_have_nothing_in_common(known: list[str], said: list[str]) -> None:
    like = likeness(" ".join(known), " ".join(said))
    assert (like.ratio, like.found) == (0, 0)


@given(_WORDS, _OTHERS, st.data())
def test_a_word_that_is_replaced_makes_it_less_alike(
    known: list[str], others: list[str], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(known) - 1))
    said = [*known[:at], others[0], *known[at + 1 :]]
    like = likeness(" ".join(known), " ".join(said))
    assert like.found == len(known) - 1
    assert like.ratio == pytest.approx(like.found / len(known))


def test_languages_without_spaces_are_compared_by_letters() -> None:
    assert words_of("今天天气很好。OK吗") == [*"今天天气很好", "ok", "吗"]
    assert likeness("今天天气很好", "今天天气不好").ratio == pytest.approx(5 / 6)


def test_a_text_of_any_length_is_read_no_further_than_needed() -> None:
    """A node may say what it likes; a comparison of megabytes would hold up everybody."""
    like = likeness(KNOWN, f"{KNOWN} " + "nonsense " * 1_000_000)
    assert like.found == like.known
    assert like.ratio < 0.5


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (Answer("done", text="the quick, brown fox jumps over the DOG"), "right", ""),
        (Answer("done", text="the quick brown box jumps over a dog"), "right", ""),
        (Answer("done", text="the quick birds of summer sing"), "wrong", "recognised 2 of 8 words"),
        (Answer("done"), "wrong", "recognised 0 of 8 words"),
        (
            Answer("done", text=f"{KNOWN} {'and so on ' * 9}"),
            "wrong",
            "recognised 8 of 8 words, and too many others",
        ),
        (Answer("failed", "JOB_TIMEOUT"), "wrong", "gave no answer: JOB_TIMEOUT"),
        (Answer("failed", "CUDA_ERROR"), "wrong", "gave no answer: CUDA_ERROR"),
        (Answer("failed", "NODE_UNAVAILABLE"), "nobody", ""),
        (Answer("failed", "NO_AVAILABLE_NODE"), "nobody", ""),
        (Answer("cancelled", "JOB_CANCELLED"), "nobody", ""),
        (Answer("unknown"), "nobody", ""),
    ],
)
def test_an_answer_is_judged(answer: Answer, verdict: str, words: str) -> None:
    judgement = judge(Expected(KNOWN), answer)
    assert (judgement.verdict, judgement.words) == (verdict, words)


def test_a_translation_is_judged_where_it_is_known() -> None:
    expected = Expected("good morning", "bom dia")
    assert judge(expected, Answer("done", text="Good morning", translation="Bom dia!")).verdict == "right"
    wrong = judge(expected, Answer("done", text="Good morning", translation="boa noite"))
    assert (wrong.verdict, wrong.words) == ("wrong", "translated 0 of 2 words")


@given(st.sets(st.text(min_size=1), min_size=1, max_size=8))
def test_everybody_has_his_turn(names: set[str]) -> None:
    met, last = [], ""
    for _ in names:
        last = next_node(list(names), last)
        met.append(last)
    assert sorted(met) == sorted(names)
    assert next_node(list(names), last) == met[0]


def test_nobody_has_a_turn_where_nobody_is() -> None:
    assert next_node([], "n1") == ""


def test_they_are_off_unless_they_are_asked_for() -> None:
    assert Settings(redis_url="redis://here").canary_s == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"canary_file": ""}, "CANARY_FILE is not set"),
        ({"canary_text": ""}, "CANARY_TEXT is not set"),
        ({"canary_text": "..."}, "CANARY_TEXT holds no word"),
        ({"canary_translation": "?"}, "CANARY_TRANSLATION holds no word"),
        ({"canary_to": "{pt}"}, "CANARY_TO is not a language code"),
    ],
)
def test_half_a_canary_is_refused(changed: dict[str, str], sentence: str) -> None:
    assert read_settings(redis_url="redis://here", **CANARY).canary_s == 1
    with pytest.raises(SettingsError, match=sentence):
        read_settings(redis_url="redis://here", **CANARY | changed)
