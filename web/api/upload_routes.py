"""``/api/v1/utterances``: send a recording, get its translation, at once or by asking again."""

from typing import Literal

import gevent
from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, Field, ValidationError

from scheduling.audio import InvalidAudio, decode_base64
from scheduling.credentials import Identity, Refusal
from scheduling.errors import StoreError
from scheduling.ledger.codes import LedgerError, UnknownJob
from scheduling.messages import ErrorCode, SessionInit
from scheduling.settings import Settings
from web.api.access import Access
from web.api.asked import language_of, languages_of
from web.api.errors import ApiError, bad_request, refused_by
from web.dispatcher import Dispatcher
from web.placing import store_down
from web.refused import Refused, whole_seconds
from web.session_audio import ONE_SHOT
from web.uploads import UploadState

#: Requests that wait for a result at once in one process; more are asked to come back.
_MOST_WAITING = 256
_MOST_WAIT_S = 60
_STATUS = {
    ErrorCode.INVALID_MESSAGE: 400,
    ErrorCode.UNSUPPORTED_FEATURE: 422,
    ErrorCode.NODE_OVERLOADED: 429,
}


class UploadBody(BaseModel):
    """A recording as JSON."""

    audio: str = Field(description="base64")
    audio_format: Literal["wav", "pcm16", "opus"] = "wav"
    sample_rate: int = Field(default=16_000, ge=1, le=384_000)


def add_uploads(public: Blueprint, settings: Settings, dispatcher: Dispatcher, access: Access) -> None:
    """Add the routes; whoever may open a session may use them."""
    most_bytes = ONE_SHOT * settings.max_audio_bytes

    @public.post("/utterances")
    def upload() -> Response:
        identity = access.speaker(request)
        wait_s = patience_s(20)
        try:
            dispatcher.limiter.ask(request.environ)
        except Refused as refused:
            raise api_error(refused) from refused
        init = _init(identity, access)
        request.max_content_length = 2 * most_bytes
        audio, audio_format, rate = _recording(settings.upload_s)
        if len(audio) > most_bytes:
            raise ApiError(
                413,
                ErrorCode.INVALID_MESSAGE,
                f"The recording is too large. Send {most_bytes} bytes at most.",
            )
        try:
            job_id = dispatcher.uploads.place(audio, audio_format, rate, init, identity)
        except InvalidAudio as error:
            raise bad_request(str(error)) from error
        except Refused as refused:
            raise api_error(refused) from refused
        except (LedgerError, StoreError) as error:
            raise api_error(store_down(error)) from error
        return _answer(dispatcher.uploads.wait(job_id, wait_s))

    @public.get("/utterances/<job_id>")
    def uploaded(job_id: str) -> Response:
        identity = access.speaker(request)
        if identity.named and dispatcher.uploads.tenant_of(job_id) != identity.tenant:
            raise UnknownJob(job_id)  # that it exists is not told to other tenants
        return _answer(dispatcher.uploads.wait(job_id, patience_s(0)))

    def patience_s(default: int) -> int:
        wait_s = _number("wait_s", default, _MOST_WAIT_S)
        if wait_s and dispatcher.uploads.waiting >= _MOST_WAITING:
            raise ApiError(429, ErrorCode.NODE_OVERLOADED, "Too many wait here. Come back in a second.", 1)
        return wait_s


def _init(identity: Identity, access: Access) -> SessionInit:
    try:
        init = SessionInit(
            client_version="http",
            platform="http",
            src_lang=language_of(request, "src"),
            tgt_lang=language_of(request, "tgt"),
            dialect=request.args.get("dialect"),
            tenant_id=identity.tenant_over(request.args.get("tenant")),
            trace_id=request.args.get("trace_id"),
            auto_langs=languages_of(request, "auto_langs") or None,
        )
    except ValidationError as error:
        raise bad_request(f"{error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}.") from error
    try:
        access.admission.for_tenant(identity, init.tenant_id)
        identity.require_languages(init.src_lang, init.tgt_lang, *(init.auto_langs or ()))
    except Refusal as refusal:
        raise refused_by(refusal) from None
    return init


def _recording(within_s: float) -> tuple[bytes, str, int]:
    """Give sound, format and rate. A body that trickles in would keep its place in the process for ever."""
    timeout = gevent.Timeout(within_s)
    try:
        with timeout:
            request.get_data()
    except gevent.Timeout as error:
        if error is not timeout:
            raise
        said = f"The recording did not come within {within_s:g} s. Send it faster, or in parts."
        raise ApiError(408, ErrorCode.INVALID_MESSAGE, said) from error
    return _understood()


def _understood() -> tuple[bytes, str, int]:
    if request.mimetype == "application/json":
        try:
            body = UploadBody.model_validate_json(request.get_data())
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "The body"
            raise bad_request(f"{where}: {first['msg']}. Send JSON with audio in base64.") from error
        try:
            return decode_base64(body.audio), body.audio_format, body.sample_rate
        except InvalidAudio as error:
            raise bad_request(str(error)) from error
    audio = request.get_data()
    default = "wav" if audio[:4] == b"RIFF" else "pcm16"
    return audio, request.args.get("audio_format", default), _number("sample_rate", 16_000, 384_000)


def _number(name: str, default: int, most: int) -> int:
    words = request.args.get(name, str(default))
    if not (words.isdecimal() and len(words) < 9 and int(words) <= most):
        raise bad_request(f"{name} is {words[:20]!r}. Send a whole number up to {most}.")
    return int(words)


def api_error(refused: Refused) -> ApiError:
    """Give the answer to a recording that was not accepted."""
    status = _STATUS.get(refused.code, 503)
    after_s = whole_seconds(refused.retry_after_ms or 5000) if status in (429, 503) else None
    return ApiError(status, refused.code, refused.message, after_s)


def _answer(state: UploadState) -> Response:
    response = jsonify(state.model_dump(mode="json", exclude_none=True))
    if not state.ended:
        response.status_code = 202
        response.headers["Location"] = f"/api/v1/utterances/{state.job_id}"
        response.headers["Retry-After"] = "1"
    return response
