"""What is fuzzed of entering: tokens, headers, first messages and resume tokens.

The oracles: a refusal is one of ours, with a sentence; nobody enters but with what the server's operator
made, and is what that says. Signatures are checked here without the library that the server uses.
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scheduling import messages as m
from scheduling.credentials import CredentialBook, Identity, Refusal, Role
from scheduling.credentials.book import read_book
from scheduling.credentials.static import digest
from scheduling.ledger import Ledger
from scheduling.messages.errors import InvalidMessage
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.fuzz.server import redis_url
from web.admission import Admission
from web.resuming import _digest

SECRET = b"a secret that only this process knows"
RESUME_TOKEN = "r" * 43
STATIC, PATH_SECRET, ADMIN_TOKEN = "sdt_" + "s" * 43, "p" * 43, "an operator's own token"
_SESSION = "s-ABCD1234"
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PEM = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
CREDENTIALS = f"""
[[keys]]
kid = "hs"
algorithm = "HS256"
secret = "{SECRET.decode()}"
roles = ["node", "client"]
[[keys]]
kid = "ed"
algorithm = "EdDSA"
public_key = '''{_PEM}'''
[[tokens]]
id = "static"
sha256 = "{digest(STATIC)}"
role = "client"
[[path_secrets]]
id = "path"
sha256 = "{digest(PATH_SECRET)}"
role = "node"
"""
ROLES: tuple[Role, ...] = ("node", "client", "admin")
#: Beyond what a test process may live; tokens that are seeds must not end within a run.
_ENDS_S = 4_000_000_000
_CLAIMS = {"sub": "somebody", "role": "client", "exp": _ENDS_S, "tenant": "acme", "languages": ["en", "pt"]}


def jwt_of(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """Put a JWT together by hand."""
    signed = b".".join(map(_base64, (_json(header), _json(claims))))
    return f"{signed.decode()}.{_base64(sign(signed)).decode()}"


def by_secret(signed: bytes) -> bytes:
    return hmac.digest(SECRET, signed, "sha256")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@cache
def book() -> CredentialBook:
    return read_book(CREDENTIALS, Path())


@cache
def admission() -> Admission:
    return Admission(
        Settings(redis_url="redis://127.0.0.1:1", credentials=CREDENTIALS, admin_token=ADMIN_TOKEN)
    )


def is_ours(token: str) -> bool:
    """Whether a token is one that the operator made, by its signature alone."""
    if token == STATIC:
        return True
    signed, _, signature = token.rpartition(".")
    try:
        given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        if hmac.compare_digest(given, by_secret(signed.encode())):
            return True
        _KEY.public_key().verify(given, signed.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def check_refusal(refusal: Refusal) -> None:
    assert refusal.code in ("UNAUTHORIZED", "FORBIDDEN") or refusal.reason == "too_many"
    assert refusal.reason.isidentifier()
    assert refusal.message.endswith("."), "no sentence"


def check_identity(identity: Identity) -> None:
    """Whoever has a token is somebody, in one of the roles, and not for ever if it is a JWT."""
    assert identity.subject
    assert identity.role in ROLES
    assert identity.way != "jwt" or (identity.expires_s or 0) > time.time() - 120
    assert all(most >= 0 for most in identity.limits.values())


def token(data: bytes) -> None:
    """Any text as a token."""
    text = data.decode("latin-1")
    try:
        identity = book().identify(text, time.time())
    except Refusal as refusal:
        check_refusal(refusal)
        return
    assert is_ours(text), "a token that nobody signed was let in"
    check_identity(identity)


def jwt_claims(data: bytes) -> None:
    """Any header and claims: signed by our secret they may be let in; in any other way never."""
    try:
        said = json.loads(data)
        header, claims = said["header"], said["claims"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    forgeries: tuple[Callable[[bytes], bytes], ...] = (
        lambda _: b"",
        lambda signed: hmac.digest(b"guessed", signed, "sha256"),
        # A public key that is taken for a secret lets everybody sign.
        lambda signed: hmac.digest(_PEM.encode(), signed, "sha256"),
    )
    for sign in forgeries:
        try:
            book().identify(jwt_of(header, claims, sign), time.time())
        except Refusal as refusal:
            check_refusal(refusal)
        else:
            raise AssertionError("a forged token was let in")
    try:
        identity = book().identify(jwt_of(header, claims, by_secret), time.time())
    except Refusal as refusal:
        check_refusal(refusal)
        return
    assert header["alg"] == "HS256"
    assert (identity.role, identity.subject) == (claims["role"], claims["sub"])
    assert identity.role != "admin", "its key may not vouch for operators"
    check_identity(identity)


def header(data: bytes) -> None:
    """A handshake's or request's headers, and the secret in its path."""
    names = ("HTTP_AUTHORIZATION", "HTTP_ORIGIN", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "REMOTE_ADDR")
    *values, secret = [*data.decode("latin-1").split("\n", 5), *[""] * 6][:6]
    environ = {name: value for name, value in zip(names, values, strict=True) if value}
    stated = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[2].strip()
    for role in ROLES:
        for path in (None, secret):
            try:
                identity = admission().at_handshake(environ, role, path)
            except Refusal as refusal:
                check_refusal(refusal)
                continue
            if identity is not None:
                assert is_ours(stated) if path is None else path == PATH_SECRET, "a stranger was let in"
                assert identity.role == role
    assert not admission().is_admin_token(stated, environ) or stated == ADMIN_TOKEN


def first_message(parse: Callable[[str], Any], role: Role) -> Callable[[bytes], None]:
    """The first message of a socket that had no credential in its handshake."""

    def run(data: bytes) -> None:
        try:
            message = parse(data.decode())
            credential = getattr(message, "credential", None)
            identity = admission().by_message(None, role, credential, {})
        except (UnicodeDecodeError, InvalidMessage):
            return
        except Refusal as refusal:
            check_refusal(refusal)
            return
        assert credential is not None
        assert is_ours(credential), "a stranger was let in"
        assert identity.role == role
        stated_once = data.count(credential.encode()) == 1  # it may stand elsewhere as well, as a name
        assert not stated_once or credential not in repr(message), "a token shows in a log"

    return run


def seeds_of_tokens() -> Iterable[bytes]:
    good = jwt_of({"alg": "HS256", "kid": "hs", "typ": "JWT"}, _CLAIMS, by_secret)
    other = jwt_of({"alg": "EdDSA", "kid": "ed"}, {**_CLAIMS, "role": "admin"}, _KEY.sign)
    return [each.encode() for each in (good, other, STATIC, good.rpartition(".")[0] + ".")]


def seeds_of_claims() -> Iterable[bytes]:
    for alg, kid in (("HS256", "hs"), ("none", "hs"), ("HS256", "ed"), ("EdDSA", "ed")):
        yield _json({"header": {"alg": alg, "kid": kid}, "claims": {**_CLAIMS, "limits": {"sessions": 3}}})


def seeds_of_headers() -> Iterable[bytes]:
    rest = "\nhttps://a.example\na.example\n10.0.0.1, 10.0.0.2\n127.0.0.1\n"
    for each in seeds_of_tokens():
        yield f"Bearer {each.decode()}{rest}".encode()
    yield f"{rest}{PATH_SECRET}".encode()


def seeds_of_message(lines: Iterable[bytes]) -> Iterable[bytes]:
    first = json.loads(next(iter(lines)))
    for each in seeds_of_tokens():
        yield _json({**first, "credential": each.decode()})


@cache
def _ledger() -> Ledger:
    settings = Settings(redis_url=redis_url())
    return Ledger(PlainStore(settings.redis_url), settings)


def _kept(token: str, subject: str = "somebody") -> str:
    """Give what the server keeps of a resume token for the client with this credential."""
    link: Any = SimpleNamespace(identity=Identity(role="client", subject=subject, way="token"))
    return _digest(token, link)


def resume(data: bytes) -> None:
    """What a client shows to go on with a session: only its own token, with its own credential, opens it."""
    try:
        message = m.parse_client_message(data.decode())
    except (UnicodeDecodeError, InvalidMessage):
        return
    asked = getattr(message, "resume", None)
    if asked is None:
        return
    sessions = _ledger().sessions
    sessions.open(_SESSION, "web1", "socket", "{}", _kept(RESUME_TOKEN))
    stolen = sessions.resume(asked.session_id, "web2", "socket2", _kept(asked.token, "another"))
    assert stolen is None, "a session was opened by somebody else"
    resumed = sessions.resume(asked.session_id, "web2", "socket2", _kept(asked.token))
    ours = (asked.session_id, asked.token) == (_SESSION, RESUME_TOKEN)
    assert (resumed is not None) == ours, "a session was opened by another token, or not by its own"


def seeds_of_resume() -> Iterable[bytes]:
    first = {
        "type": "session_init",
        "client_version": "1",
        "platform": "x",
        "src_lang": "en",
        "tgt_lang": "pt",
    }
    for shown in (RESUME_TOKEN, RESUME_TOKEN[1:], ""):
        named = {"session_id": _SESSION, "token": shown, "epoch": "e", "offset": 0}
        yield _json({**first, "resumable": True, "resume": named})
