"""What clients ask of rooms: to open, enter and leave one, and whose voice they want to hear."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gevent

from scheduling.errors import StoreError
from scheduling.hints import hint
from scheduling.languages import fold, is_auto, is_language
from scheduling.ledger import Ledger
from scheduling.ledger.codes import (
    InRoom,
    LedgerError,
    NoRoom,
    RoomFull,
    RoomLanguagesFull,
    UnknownSession,
)
from scheduling.messages import (
    InvalidMessage,
    Message,
    RoomCreate,
    RoomCreateAck,
    RoomError,
    RoomErrorCode,
    RoomExpired,
    RoomJoin,
    RoomLeave,
    RoomRawVoicePreference,
    dump,
)
from scheduling.rooms import is_code, propose_codes
from web.limiter import Limiter
from web.peers import Peers
from web.refused import in_words
from web.restoring import Restorer
from web.room_news import RoomNews
from web.session_link import SessionLink

_log = logging.getLogger(__name__)

#: Characters of a display name: it is sent to every member with every list.
_MOST_NAME = 64
#: A wrong code is answered after this time, s: who tries codes would find rooms that are not meant for it.
_WRONG_CODE_S = 0.5


class _Declined(Exception):
    """A request about a room was not done; told to the client as ``room_error``."""

    def __init__(self, code: RoomErrorCode, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


class RoomDesk:
    """Serves the room requests of this process's sessions."""

    def __init__(
        self,
        ledger: Ledger,
        news: RoomNews,
        peers: Peers,
        instance: str,
        restorer: Restorer,
        limiter: Limiter,
    ) -> None:
        self._ledger = ledger
        self._limiter = limiter
        self._peers = peers
        self._news = news
        self._instance = instance
        self._restorer = restorer
        self.handlers: dict[type[Message], Callable[[SessionLink, Any], None]] = {
            kind: self._told(handler)
            for kind, handler in (
                (RoomCreate, self._create),
                (RoomJoin, self._join),
                (RoomLeave, self._leave),
                (RoomRawVoicePreference, self._prefer),
            )
        }
        """What to do with each message of a client."""

    def leave(self, link: SessionLink) -> None:
        """Take a session that ends out of its room; a store that is down leaves that to a sweep."""
        if link.room:
            code, link.room = link.room, ""
            try:
                self._ledger.rooms.leave(code, link.session_id)
            except (LedgerError, StoreError) as error:
                _log.warning("session %s leaves room %s later: %s", link.session_id, code, error)

    def come_back(self, link: SessionLink) -> None:
        """Take up the room of a session that was resumed, if it is still in one, and show it as it is now."""
        try:
            code = self._ledger.rooms.room_of(link.session_id)
            if code and self._ledger.rooms.touch([(code, link.session_id)], self._instance) == [True]:
                link.room = code
                self._news.show(link, code)
        except (LedgerError, StoreError) as error:
            _log.warning("session %s is back without its room: %s", link.session_id, error)

    def expired(self, code: str, session_ids: list[str]) -> None:
        """Tell the members that are here that their room has ended."""
        message = f"Nobody spoke in room {code} for long, so it was closed. Open a new one to go on."
        for session_id in session_ids:
            link = self._peers.sessions.get(session_id)
            if link is not None and link.room == code:
                link.room = ""
                link.send(dump(RoomExpired(room_code=code, message=message)))

    def _told(self, handler: Callable[[SessionLink, Any], None]) -> Callable[[SessionLink, Any], None]:
        """Have what goes wrong told to the client as ``room_error``."""

        def handle(link: SessionLink, message: Message) -> None:
            try:
                handler(link, message)
            except _Declined as declined:
                told = RoomError(
                    code=declined.code, message=declined.message, retry_after_ms=declined.retry_after_ms
                )
                link.send(dump(told))
            except (LedgerError, StoreError) as error:
                _log.warning("a room request of session %s fails: %s", link.session_id, error)
                sentence = hint("SCHEDULER_DEPENDENCY_DOWN")
                link.send(dump(RoomError(code=RoomErrorCode.INTERNAL_ERROR, message=sentence)))

        return handle

    def _create(self, link: SessionLink, message: RoomCreate) -> None:
        name, lang, room_id = _name(message.display_name), _language(message.preferred_lang), str(uuid4())
        codes = propose_codes()
        rooms = self._ledger.rooms

        def create() -> str:
            return rooms.create(link.session_id, self._instance, room_id, codes, name=name, lang=lang)

        code = self._enter(link, create)
        link.send(dump(RoomCreateAck(room_code=code, room_id=room_id)))
        self._news.show(link, code)

    def _join(self, link: SessionLink, message: RoomJoin) -> None:
        code, name, lang = message.room_code, _name(message.display_name), _language(message.preferred_lang)
        token = str(uuid4())
        _check_code(code)
        address = self._limiter.address_of(link.connection.environ)
        if wait_ms := self._limiter.codes.begin(link.connection, address):
            self._limiter.refused["codes"] += 1
            said = f"Too many wrong room codes came from here. Try again in {in_words(wait_ms)}."
            raise _Declined(RoomErrorCode.ROOM_NOT_FOUND, said, wait_ms)

        def join() -> str:
            self._ledger.rooms.join(code, link.session_id, self._instance, token, name=name, lang=lang)
            return code

        try:
            self._enter(link, join)
        except _Declined as declined:
            if declined.code is not RoomErrorCode.ROOM_NOT_FOUND:
                self._limiter.codes.was_right(link.connection, address)
            raise
        self._limiter.codes.was_right(link.connection, address)
        self._news.show(link, code)

    def _enter(self, link: SessionLink, enter: Callable[[], str]) -> str:
        """Enter a room and give its code; of a session the ledger forgot it is told anew first."""
        try:
            try:
                link.room = enter()
            except UnknownSession:
                self._restorer.restore([link])
                link.room = enter()
        except NoRoom as error:
            gevent.sleep(_WRONG_CODE_S)
            raise _Declined(
                RoomErrorCode.ROOM_NOT_FOUND, "There is no such room. Check its code, or open a new one."
            ) from error
        except InRoom as error:
            raise _Declined(
                RoomErrorCode.ALREADY_IN_ROOM,
                f"You are in room {error.room_code}. Leave it first to enter another one.",
            ) from error
        except RoomFull as error:
            most = self._ledger.cell.settings.room_members
            raise _Declined(
                RoomErrorCode.ROOM_FULL, f"This room has its {most} members. Try again when one has left."
            ) from error
        except RoomLanguagesFull as error:
            most = self._ledger.cell.settings.room_languages
            raise _Declined(
                RoomErrorCode.ROOM_FULL,
                f"The members of this room listen in {most} languages already. Choose one of theirs.",
            ) from error
        link.room_version = ""
        return link.room

    def _leave(self, link: SessionLink, message: RoomLeave) -> None:
        _check_member(link, message.room_code)
        self._ledger.rooms.leave(message.room_code, link.session_id)
        link.room = ""

    def _prefer(self, link: SessionLink, message: RoomRawVoicePreference) -> None:
        _check_member(link, message.room_code)
        target, wanted = message.target_session_id, message.receive_raw_voice
        try:
            self._ledger.rooms.prefer(message.room_code, link.session_id, target, wanted=wanted)
        except NoRoom:
            link.room = ""
            _check_member(link, message.room_code)


def _check_code(code: str) -> None:
    if not is_code(code):
        raise _Declined(RoomErrorCode.INVALID_ROOM_CODE, "A room code has 6 digits, as in 123456.")


def _check_member(link: SessionLink, code: str) -> None:
    _check_code(code)
    if link.room != code:
        raise _Declined(RoomErrorCode.ROOM_NOT_FOUND, f"You are not in room {code}. Join it first.")


def _name(display_name: str | None) -> str:
    return (display_name or "").strip()[:_MOST_NAME]


def _language(code: str | None) -> str:
    """Give the language a member wants to hear, folded; empty for none."""
    if not code or not code.strip():
        return ""
    if is_auto(code) or not is_language(code.strip()):
        raise InvalidMessage(
            f"preferred_lang: {code[:32]!r} is no language to listen in. Send one such as en or pt-br."
        )
    return fold(code)
