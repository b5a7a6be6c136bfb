"""What rooms are to their members: codes, lists of members, an utterance for each language."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from scheduling.languages import fold, is_auto
from scheduling.ledger import Member
from scheduling.messages import JobAssign, RoomMember, RoomMembers

_FIRST, _LAST = 100_000, 999_999
#: Codes proposed for a new room: with 900,000 rooms of 900,001 taken, one of them would still not be free.
_PROPOSED = 8


def propose_codes() -> list[str]:
    """Give random codes of 6 digits, of which the first free one becomes a room's."""
    return [str(_FIRST + secrets.randbelow(_LAST - _FIRST + 1)) for _ in range(_PROPOSED)]


def is_code(code: str) -> bool:
    """Whether this can be the code of a room."""
    return len(code) == len(str(_LAST)) and code.isascii() and code.isdecimal()


def members_message(code: str, members: Sequence[Member]) -> RoomMembers:
    """List the members; of their preferences, those about somebody who is in the room."""
    present = {member.session_id for member in members}
    return RoomMembers(room_code=code, members=[_shown(member, present) for member in members])


def _shown(member: Member, present: set[str]) -> RoomMember:
    joined = datetime.fromtimestamp(member.joined_ms / 1000, UTC)
    return RoomMember(
        participant_id=member.session_id,
        session_id=member.session_id,
        display_name=member.display_name or None,
        preferred_lang=member.lang or None,
        raw_voice_preferences={
            target: wanted for target, wanted in member.wants_voice.items() if target in present
        },
        joined_at=joined.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def assign_for(assign: JobAssign, lang: str, *, streams: bool) -> JobAssign:
    """Give the assignment of a speaker's utterance for those who want to hear ``lang``.

    Two people who speak in turn are one way here: the listeners' language is known. Those who speak the
    speaker's own language get the words as they were heard, without translation and speech: no node
    translates a language into itself, and the speaker's own voice is what they know. ``streams``: partial
    results are wanted; one job's are enough.
    """
    pipeline = assign.pipeline
    if speaks(assign, lang):
        pipeline = pipeline.model_copy(update={"use_asr": True, "use_nmt": False, "use_tts": False})
    changes = {
        "tgt_lang": lang,
        "pipeline": pipeline,
        "mode": None,
        "lang_a": None,
        "lang_b": None,
        "group_id": None,
        "part_index": None,
        "context_text": None,
        "enable_streaming_asr": streams and assign.enable_streaming_asr,
    }
    return assign.model_copy(update=changes)


def speaks(assign: JobAssign, lang: str) -> bool:
    """Whether the utterance is known to be in this language."""
    return not is_auto(assign.src_lang) and fold(assign.src_lang) == lang
