"""Who may enter: decided once for each connection or request, by what it shows."""

import hmac
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from scheduling.credentials import ADMIN, OPEN, CredentialBook, Identity, Refusal, Role
from scheduling.credentials.refusal import FORBIDDEN, OVERLOADED
from scheduling.credentials.revocations import Revocations
from scheduling.credentials.source import CredentialSource
from scheduling.messages import ErrorMessage, dump
from scheduling.networks import asker, came_by_proxy, is_in
from scheduling.settings import Settings
from web.close_codes import CloseCode
from web.connection import Connection
from web.limiter import Limiter
from web.spreading import spread

_PORTS = {"http": 80, "https": 443}
_BEARER = "bearer"
#: Refusals of what was never given out here. The others are of credentials that are known, and no guesses.
_GUESSED = frozenset({"unknown", "unknown_key", "bad_signature", "wrong_algorithm", "malformed"})

_WANTED = (
    "This server wants a credential: send it in the header Authorization: Bearer TOKEN, "
    "or as the member credential of the first message."
)
_PROXIED = (
    "Without credentials only this machine may enter, not through a proxy. "
    "Set CREDENTIALS_FILE on the server (docs/security.md)."
)


class Admission:
    """Decides who may enter; one object for all of the process. Raises `BadCredentials` when made.

    Of an address that has shown too many wrong credentials ``ADMIN_TOKEN`` is not looked at any more: it is a
    word of somebody's, so each answer is worth a guess. Those made here have 128 random bits or more; they
    are looked at always, and whoever shows a good one is let in beside all who guess.
    """

    def __init__(self, settings: Settings, limiter: Limiter | None = None) -> None:
        self._settings = settings
        self._limiter = limiter or Limiter(settings)
        self.source = CredentialSource(settings)
        self.refused: Counter[str] = Counter()
        """Peers and requests turned away, by the word of their refusal."""
        self.revocations = Revocations()
        """As read last; `web.credential_watch` puts newer ones here."""

    @property
    def book(self) -> CredentialBook:
        """Credentials that are accepted now."""
        return self.source.book

    @property
    def closed(self) -> bool:
        """Whether nodes and clients need a credential, or a trusted network."""
        return self._settings.has_credentials

    @property
    def guards_admin(self) -> bool:
        """Whether operators need a credential, be it ``ADMIN_TOKEN`` or another one."""
        return bool(self._settings.admin_token) or self.book.has_admin

    def at_handshake(self, environ: Mapping[str, Any], role: Role, secret: str | None) -> Identity | None:
        """Decide on a socket by its handshake; None: by its first message. Raises `Refusal`.

        ``secret`` is that of the path, None where there is none in it.
        """
        with self.counting(environ, bearer_of(environ) if secret is None else secret):
            self.require_origin(environ)
            if secret is not None:
                return self._let_in(self.book.identify_path(secret, time.time()), role)
            return self._by_request(environ, role)

    def of_request(self, environ: Mapping[str, Any], role: Role) -> Identity:
        """Decide on a request. Raises `Refusal`."""
        with self.counting(environ, bearer_of(environ)):
            self.require_origin(environ)
            identity = self._by_request(environ, role)
            if identity is None:
                raise Refusal("missing", _WANTED)
            return identity

    def by_message(
        self, known: Identity | None, role: Role, token: str | None, environ: Mapping[str, Any]
    ) -> Identity:
        """Decide by the first message of a socket, of which the handshake may have told already.

        Raises `Refusal`.
        """
        if known is not None and (known.named or not token or not self.book):
            return known
        with self.counting(environ, token):
            if not token:
                raise Refusal("missing", _WANTED)
            return self.by_token(token, role)

    def for_tenant(self, identity: Identity, tenant: str | None) -> Identity:
        """Decide on what somebody says for a tenant; gives who he is then. Raises `Refusal`."""
        speaker = identity.speaking_for(tenant)
        with self.counting({}, None):
            self.revocations.require(speaker)
        return speaker

    def by_token(self, token: str, role: Role) -> Identity:
        """Decide by a token. Raises `Refusal`."""
        return self._let_in(self.book.identify(token, time.time()), role)

    def is_admin_token(self, token: str, environ: Mapping[str, Any]) -> bool:
        """Whether this is ``ADMIN_TOKEN``, as far as the one who shows it is still told."""
        stated = self._settings.admin_token
        if not stated or self._limiter.guesses.wait_s(self._limiter.address_of(environ)):
            return False
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), stated.encode())

    def require_origin(self, environ: Mapping[str, Any]) -> None:
        """Raise `Refusal` for a web page that may not come here. Programs name no origin and pass.

        With neither credentials nor ``ALLOWED_ORIGINS`` every page may, as it could before there were any.
        """
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not (self.closed or self._settings.origins):
            return
        if str(origin).lower() in self._settings.origins or _is_own(str(origin), environ):
            return
        said = "Pages of this origin may not come here. Name it in ALLOWED_ORIGINS."
        raise Refusal("wrong_origin", said, FORBIDDEN)

    @contextmanager
    def counting(self, environ: Mapping[str, Any], shown: str | None) -> Iterator[None]:
        """Count a `Refusal` that is raised inside, and the credential shown where it was a guess.

        Whose address has shown too many of them is told so in its place.
        """
        try:
            yield
        except Refusal as refusal:
            told = self._limited(environ, shown, refusal) if shown else refusal
            self.refused[told.reason] += 1
            raise told from None

    def _limited(self, environ: Mapping[str, Any], shown: str, refusal: Refusal) -> Refusal:
        if refusal.reason not in _GUESSED:
            return refusal
        wait_s = self._limiter.guesses.note(self._limiter.address_of(environ), shown)
        if not wait_s:
            return refusal
        over = self._limiter.over("guesses", spread(1000 * wait_s))
        return Refusal("too_many", over.message, OVERLOADED, over.retry_after_ms)

    def _by_request(self, environ: Mapping[str, Any], role: Role) -> Identity | None:
        if not self.closed:
            if came_by_proxy(environ):
                raise Refusal("proxied", _PROXIED, FORBIDDEN)
            return self._unless_banned(OPEN[role])
        if token := bearer_of(environ):
            return self.by_token(token, role)
        if role != ADMIN and self._settings.networks:
            address = asker(environ, self._settings.proxies)
            if is_in(address, self._settings.networks):
                return self._unless_banned(Identity(role=role, subject=str(address), way="network"))
        return None

    def _let_in(self, identity: Identity, role: Role) -> Identity:
        identity.require_role(role)
        return self._unless_banned(identity)

    def _unless_banned(self, identity: Identity) -> Identity:
        self.revocations.require(identity)
        return identity


def bearer_of(environ: Mapping[str, Any]) -> str:
    """Give the bearer token of a request; "" for none."""
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION") or "").partition(" ")
    # WSGI gives bytes as latin-1.
    return (
        token.strip().encode("latin-1", "replace").decode("utf-8", "replace")
        if scheme.lower() == _BEARER
        else ""
    )


def turn_away(connection: Connection, refusal: Refusal, *, close: bool = True) -> None:
    """Tell a peer why it may not enter, and end its socket."""
    after_ms = refusal.retry_after_ms
    details = {"retry_after_ms": after_ms, "limit": "guesses"} if after_ms else None
    connection.send(dump(ErrorMessage(code=refusal.code, message=refusal.message, details=details)))
    if close and after_ms:
        said = f"too many wrong credentials; come back in {after_ms / 1000:.1f} s"
        connection.close(CloseCode.TRY_AGAIN_LATER, said)
    elif close:
        # A close frame has room for 123 bytes of reason.
        connection.close(CloseCode.POLICY_VIOLATION, refusal.message[:120])


def _is_own(origin: str, environ: Mapping[str, Any]) -> bool:
    """Whether a page comes from this server. Proxies that end TLS keep the host, not the scheme."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        here = urlsplit(f"//{environ.get('HTTP_HOST', '')}")
        own = here.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return False
    return bool(parts.hostname) and parts.hostname == here.hostname and port == own
