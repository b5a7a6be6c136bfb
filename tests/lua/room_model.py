"""Rooms in plain Python: who is in one, and who must have been given what."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.lua.dump import Dump

Turn = tuple[str, str]
"""Speaker and language: what has an order of its own."""


@dataclass
class Said:
    """One utterance in one language."""

    room: str
    """Empty where it is for its speaker alone."""
    ended: bool = False


@dataclass
class RoomModel:
    """Members as (language, instance) by session, in rooms by code."""

    rooms: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    said: dict[Turn, list[Said]] = field(default_factory=lambda: defaultdict(list))
    released: dict[Turn, int] = field(default_factory=lambda: defaultdict(int))
    given: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By session, what its out stream holds, in order."""

    def room_of(self, session: str) -> str:
        return next((code for code, members in self.rooms.items() if session in members), "")

    def leave(self, session: str) -> None:
        code = self.room_of(session)
        if code:
            del self.rooms[code][session]
            if not self.rooms[code]:
                del self.rooms[code]

    def languages(self, session: str) -> list[str]:
        """What the others in its room want to hear."""
        members = self.rooms.get(self.room_of(session), {})
        return sorted({lang for other, (lang, _) in members.items() if lang and other != session})

    def release(self, turn: Turn) -> None:
        """Give what has ended, up to the first that has not, to those who are there now."""
        speaker, lang = turn
        while self.released[turn] < len(self.said[turn]) and self.said[turn][self.released[turn]].ended:
            order = self.released[turn]
            said = self.said[turn][order]
            members = self.rooms.get(said.room, {})
            for session, (wanted, _) in members.items():
                if wanted == lang and session != speaker:
                    self.given[session].append(f"{speaker}:{lang}:{order}")
            self.given[speaker].append(f"own {lang} {order}" if not said.room else f"turn {lang} {order}")
            self.released[turn] += 1

    def check(self, found: Dump) -> None:
        """Compare all that is kept of rooms."""
        assert set(found.scores("rooms")) == set(self.rooms)
        assert set(found.named("room")) == set(found.named("roommembers")) == set(self.rooms)
        for code, members in self.rooms.items():
            self._check_room(code, members, found)
        for session, words in self.given.items():
            entries = found.entries(f"out:{session}")
            assert [_seen(entry) for entry in entries] == words, session
            for entry in entries:
                assert "ref" not in entry or found.hash(f"roommsg:{entry['ref']}")

    def _check_room(self, code: str, members: dict[str, tuple[str, str]], found: Dump) -> None:
        counts: dict[str, int] = defaultdict(int)
        by_lang: dict[str, set[str]] = defaultdict(set)
        for session, (lang, instance) in members.items():
            counts[f"at:{instance}"] += 1
            if lang:
                counts[f"lang:{lang}"] += 1
                by_lang[lang].add(session)
            assert found.hash(f"session:{session}")["room"] == code
        kept = found.hash(f"room:{code}")
        assert {name: int(kept[name]) for name in kept if name[:3] in {"at:", "lan"}} == counts
        assert set(found.hash(f"roommembers:{code}")) == set(members)
        sets = {name for name in found.named("roomlang") if name.startswith(f"{code}:")}
        assert sets == {f"{code}:{lang}" for lang in by_lang}
        for lang, sessions in by_lang.items():
            assert found.members(f"roomlang:{code}:{lang}") == sessions


def _seen(entry: dict[str, str]) -> str:
    if "ref" in entry:
        return entry["ref"]
    return f"{'own' if entry['main'] else 'turn'} {entry['tgt']} {entry['order']}"
