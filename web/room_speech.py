"""What a member of a room says: one utterance, to be placed once for each language the others listen in."""

from dataclasses import replace

from scheduling.ledger import Ledger
from scheduling.ledger.codes import NoRoom
from scheduling.rooms import assign_for
from web.asking import Ask
from web.session_link import SessionLink


class RoomSpeech:
    """Spreads utterances over the languages of the speaker's room."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def spread(self, link: SessionLink, ask: Ask) -> list[Ask]:
        """Give what has to be placed for an utterance: a job per language of the other members.

        Where nobody else listens in any language, the utterance is the speaker's own, as without a room.
        Raises `LedgerError` and `StoreError`.
        """
        langs = self._languages(link)
        return [_ask_for(ask, link.room, lang, streams=number == 0) for number, lang in enumerate(langs)] or [
            ask
        ]

    def _languages(self, link: SessionLink) -> list[str]:
        """Ask afresh for each utterance: one that joined a moment ago is not left out."""
        if not link.room:
            return []
        try:
            return self._ledger.rooms.speak(link.room, link.session_id)
        except NoRoom:
            return []


def _ask_for(ask: Ask, room: str, lang: str, *, streams: bool) -> Ask:
    request_id = f"{ask.request_id.rpartition(':')[0]}:{lang}"
    return replace(
        ask, assign=assign_for(ask.assign, lang, streams=streams), request_id=request_id, room=room
    )
