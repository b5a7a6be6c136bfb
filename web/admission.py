"""Who may enter: decided once for each connection or request, by what it shows."""

import hmac
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from scheduling.credentials import ADMIN, OPEN, CredentialBook, Identity, Refusal, Role
from scheduling.credentials.refusal import FORBIDDEN
from scheduling.credentials.revocations import Revocations
from scheduling.credentials.source import CredentialSource
from scheduling.messages import ErrorMessage, dump
from scheduling.networks import asker, came_by_proxy, is_in
from scheduling.settings import Settings
from web.close_codes import CloseCode
from web.connection import Connection

_PORTS = {"http": 80, "https": 443}
_BEARER = "bearer"

_WANTED = (
    "This server wants a credential: send it in the header Authorization: Bearer TOKEN, "
    "or as the member credential of the first message."
)
_PROXIED = (
    "Without credentials only this machine may enter, not through a proxy. "
    "Set CREDENTIALS_FILE on the server (docs/security.md)."
)


class Admission:
    """Decides who may enter; one object for all of the process. Raises `BadCredentials` when made."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
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
        with self.counting():
            self.require_origin(environ)
            if secret is not None:
                return self._let_in(self.book.identify_path(secret, time.time()), role)
            return self._by_request(environ, role)

    def of_request(self, environ: Mapping[str, Any], role: Role) -> Identity:
        """Decide on a request. Raises `Refusal`."""
        with self.counting():
            self.require_origin(environ)
            identity = self._by_request(environ, role)
            if identity is None:
                raise Refusal("missing", _WANTED)
            return identity

    def by_message(self, known: Identity | None, role: Role, token: str | None) -> Identity:
        """Decide by the first message of a socket, of which the handshake may have told already.

        Raises `Refusal`.
        """
        if known is not None and (known.named or not token or not self.book):
            return known
        with self.counting():
            if not token:
                raise Refusal("missing", _WANTED)
            return self.by_token(token, role)

    def by_token(self, token: str, role: Role) -> Identity:
        """Decide by a token. Raises `Refusal`."""
        return self._let_in(self.book.identify(token, time.time()), role)

    def is_admin_token(self, token: str) -> bool:
        """Whether this is ``ADMIN_TOKEN``."""
        stated = self._settings.admin_token
        return bool(stated) and hmac.compare_digest(token.encode("utf-8", "surrogatepass"), stated.encode())

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
    def counting(self) -> Iterator[None]:
        """Count a `Refusal` that is raised inside."""
        try:
            yield
        except Refusal as refusal:
            self.refused[refusal.reason] += 1
            raise

    def _by_request(self, environ: Mapping[str, Any], role: Role) -> Identity | None:
        if not self.closed:
            if came_by_proxy(environ):
                raise Refusal("proxied", _PROXIED, FORBIDDEN)
            return OPEN[role]
        if token := bearer_of(environ):
            return self.by_token(token, role)
        if role != ADMIN and self._settings.networks:
            address = asker(environ, self._settings.proxies)
            if is_in(address, self._settings.networks):
                return Identity(role=role, subject=str(address), way="network")
        return None

    def _let_in(self, identity: Identity, role: Role) -> Identity:
        identity.require_role(role)
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
    connection.send(dump(ErrorMessage(code=refusal.code, message=refusal.message)))
    if close:
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
