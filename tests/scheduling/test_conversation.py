from scheduling.conversation import Conversation


def talk(chars: int = 200) -> Conversation:
    return Conversation(window_ms=2_000, chars=chars)


def test_the_next_part_of_a_group_knows_what_was_said() -> None:
    conversation = talk()
    assert conversation.members("pt", 0, 0) == {}
    conversation.released("pt", "g", 0, "And so ", 0)
    conversation.released("pt", "g", 1, "my fellow Americans", 1_000)
    assert conversation.members("pt", 0, 3_000) == {
        "group_id": "g",
        "part_index": 2,
        "context_text": "And so my fellow Americans",
    }
    assert conversation.members("de", 0, 3_000) == {}


def test_those_under_way_take_the_parts_before_it() -> None:
    conversation = talk()
    conversation.released("pt", "g", 1, "a", 0)
    assert conversation.members("pt", 5, 0)["part_index"] == 7
    assert conversation.members("pt", 6, 0) == {}, "a group has eight parts"


def test_a_pause_ends_the_group_and_a_play_prolongs_it() -> None:
    conversation = talk()
    conversation.released("pt", "g", 0, "a", 0)
    assert conversation.members("pt", 0, 2_001) == {}
    conversation.played("other", 5_000)
    assert conversation.members("pt", 0, 5_000) == {}
    conversation.played("g", 5_000)
    assert conversation.members("pt", 0, 7_000)["group_id"] == "g"


def test_a_new_group_forgets_the_old_one() -> None:
    conversation = talk()
    conversation.released("pt", "g", 0, "old", 0)
    conversation.released("pt", "h", 0, "new", 0)
    assert conversation.members("pt", 0, 0)["context_text"] == "new"


def test_the_context_is_cut_at_characters() -> None:
    """Not at bytes, which would leave half a character."""
    conversation = talk(chars=5)
    conversation.released("pt", "g", 0, "你好世界", 0)
    conversation.released("pt", "g", 1, "朋友们", 0)
    assert conversation.members("pt", 0, 0)["context_text"] == "界 朋友们"
    silent = talk(chars=0)
    silent.released("pt", "g", 0, "word", 0)
    assert silent.members("pt", 0, 0) == {}
