"""What a node said against what it was to say."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.canary import Answer, Expected, Recording, judge, likeness, next_node, of_tier, words_of
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
    tried, weights = dict(zip(names, range(len(names)), strict=True)), dict.fromkeys(names, 100)
    turns = [next_turn(weights, tried, 1000 + turn) for turn in range(2 * len(names))]
    assert turns == list(names) * 2


@given(st.integers(0, 2**32))
def test_tiers_have_turns_by_their_weights(seed: int) -> None:
    weights = {"new": 400, "usual": 100, "trusted": 10}
    tried: dict[str, int] = {}
    turns = Counter(next_turn(weights, tried, 1000 * turn, seed + turn) for turn in range(1, 1001))
    assert turns["new"] > 2 * turns["usual"] > 6 * turns["trusted"] > 0


@given(st.integers(0, 2**32))
def test_who_comes_back_under_new_names_does_not_take_all_turns(seed: int) -> None:
    tried = {"old": 0}
    turns = [next_turn({"old": 100, f"new-{turn}": 400}, tried, turn, seed + turn) for turn in range(1, 101)]
    assert 20 < turns.count("old") < 80


def next_turn(weights: dict[str, int], tried: dict[str, int], now_ms: int, seed: int = 0) -> str:
    """Give the node whose turn it is, and note that it was."""
    known = {name: float(at) for name, at in tried.items() if name in weights}
    name = next_node(weights, known, now_ms, Random(seed))
    tried[name] = now_ms
    return name


def test_nobody_has_a_turn_where_nobody_is() -> None:
    assert next_node({}, {}, 1, Random(0)) == ""


def test_a_tier_that_no_table_names_is_as_the_others() -> None:
    assert [of_tier({"new": 4}, tier, 1) for tier in ("new", "old", "")] == [4, 1, 1]
    assert [of_tier({"new": 4, "*": 2}, tier, 1) for tier in ("new", "old", "")] == [4, 2, 2]


def test_settings_of_tiers() -> None:
    settings = Settings(redis_url="redis://here")
    assert [settings.canary_weight(tier) for tier in ("new", "", "trusted")] == [400, 100, 10]
    assert [settings.most_canary_failures(tier) for tier in ("new", "", "trusted")] == [2, 3, 0]
    others = Settings(redis_url="redis://here", canary_tier_weights="*=0.5", canary_tier_failures="a=7")
    assert [others.canary_weight("new"), others.most_canary_failures("a")] == [50, 7]
    for wrong in ({"canary_tier_weights": "new=much"}, {"canary_tier_failures": "new=-1"}):
        with pytest.raises(SettingsError, match="must be a"):
            read_settings(redis_url="redis://here", **wrong)


def test_a_recording_is_another_one_when_other_words_are_known() -> None:
    one = Recording(Path("a.wav"), "en", "pt", Expected("good morning"))
    assert (
        one.recording_id == Recording(Path("b.wav"), "en", "pt", Expected("good morning", "", 1)).recording_id
    )
    others = [
        Recording(Path("a.wav"), "en", "de", Expected("good morning")),
        Recording(Path("a.wav"), "en", "pt", Expected("good evening")),
        Recording(Path("a.wav"), "en", "pt", Expected("good morning", "bom dia")),
    ]
    assert len({each.recording_id for each in [one, *others]}) == 4


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
        ({"canary_list": "list.toml"}, "CANARY_LIST and CANARY_FILE are both set"),
    ],
)
def test_half_a_canary_is_refused(changed: dict[str, str], sentence: str) -> None:
    assert read_settings(redis_url="redis://here", **CANARY).canary_s == 1
    with pytest.raises(SettingsError, match=sentence):
        read_settings(redis_url="redis://here", **CANARY | changed)
