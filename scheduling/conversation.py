"""What was said last in a session, so that the node that hears the next part knows it."""

from dataclasses import dataclass
from typing import Any, Final

#: Parts of one utterance group, as `lua/include/release.lua` counts them.
GROUP_PARTS: Final = 8


@dataclass(slots=True)
class _Group:
    group_id: str
    part: int
    text: str
    last_ms: int


class Conversation:
    """The last utterance group of each target language, as far as its results were released.

    A group goes on while less than `window_ms` pass between its parts, or after its speech was played;
    the last `chars` characters of what was recognised are its context. 0 characters: nobody is told.
    Times are of one clock, in ms.
    """

    def __init__(self, window_ms: int = 2_000, chars: int = 200) -> None:
        self._window_ms = window_ms
        self._chars = chars
        self._groups: dict[str, _Group] = {}

    def released(self, tgt_lang: str, group_id: str, part: int, text: str, now_ms: int) -> None:
        """Note a part of a group whose result was released, with what was recognised."""
        former = self._groups.get(tgt_lang)
        before = f"{former.text} " if former is not None and former.group_id == group_id else ""
        cut = (before + text.strip())[-self._chars :] if self._chars else ""
        self._groups[tgt_lang] = _Group(group_id, part, cut, now_ms)

    def played(self, group_id: str, now_ms: int) -> None:
        """Note that the group's speech was played to its end."""
        for group in self._groups.values():
            if group.group_id == group_id:
                group.last_ms = now_ms

    def members(self, tgt_lang: str, under_way: int, now_ms: int) -> dict[str, Any]:
        """Give the members of `job_assign` that say which part of which group the next job will be.

        `under_way` jobs come between the last known part and it. Empty when it begins a group.
        """
        group = self._groups.get(tgt_lang)
        if group is None or not group.text or now_ms - group.last_ms > self._window_ms:
            return {}
        part = group.part + under_way + 1
        if part >= GROUP_PARTS:
            return {}
        return {"group_id": group.group_id, "part_index": part, "context_text": group.text}
