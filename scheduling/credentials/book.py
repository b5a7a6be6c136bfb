"""All credentials a server knows, as its TOML says them: keys of JWTs, static tokens, path secrets."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from scheduling.credentials.claims import identity_of, is_name
from scheduling.credentials.identity import ADMIN, ROLES, Identity, Role, Way
from scheduling.credentials.jwt_keys import (
    ALGORITHMS,
    LEAST_SECRET_BYTES,
    LEEWAY_S,
    MOST_TOKEN,
    JwtKey,
    choose_key,
    public_key,
)
from scheduling.credentials.refusal import FORBIDDEN, BadCredentials, Refusal
from scheduling.credentials.static import digest

V = TypeVar("V")

_TABLES = {"keys", "tokens", "path_secrets"}
_KEY_MEMBERS = {"kid", "algorithm", "secret", "public_key", "file", "roles", "issuer", "audience"}
_TOKEN_MEMBERS = {
    "id", "sha256", "role", "subject", "tenant", "languages", "limits", "tier", "expires", "node_id",
}  # fmt: skip
_HEX = frozenset("0123456789abcdef")
_UNKNOWN = "This credential is not known here. Get one from the server's operator."


@dataclass(frozen=True, slots=True)
class CredentialBook:
    """What is accepted; immutable, so that a newer one simply takes its place."""

    keys: Mapping[str, JwtKey] = field(default_factory=dict, repr=False)
    tokens: Mapping[str, Identity] = field(default_factory=dict, repr=False)
    """By the hash of the token."""
    path_secrets: Mapping[str, Identity] = field(default_factory=dict, repr=False)
    """By the hash of the secret."""
    files: Sequence[Path] = field(default=(), compare=False)
    """Files that keys were read from."""

    def __bool__(self) -> bool:
        return bool(self.keys or self.tokens or self.path_secrets)

    @property
    def has_admin(self) -> bool:
        """Whether somebody may have an operator's credential."""
        return any(ADMIN in key.roles for key in self.keys.values()) or any(
            token.role == ADMIN for token in self.tokens.values()
        )

    def identify(self, token: str, now_s: float) -> Identity:
        """Give whose token this is; ``now_s`` is Unix time. Raises `Refusal`."""
        if not token or len(token) > MOST_TOKEN or not token.isascii():
            raise Refusal("unknown", _UNKNOWN)
        if token.count(".") == 2:
            return self._from_jwt(token)
        return _unexpired(self.tokens.get(digest(token)), now_s)

    def identify_path(self, secret: str, now_s: float) -> Identity:
        """Give whose path secret this is. Raises `Refusal`."""
        return _unexpired(self.path_secrets.get(digest(secret)), now_s)

    def holds(self, identity: Identity, now_s: float) -> bool:
        """Whether what let somebody in would still do so: it is here, is the same, and has not ended."""
        if identity.expires_s is not None and now_s > identity.expires_s + LEEWAY_S:
            return False
        if identity.way == "jwt":
            key = self.keys.get(identity.key)
            return key is not None and key == identity.vouched_by and identity.role in key.roles
        if identity.way in ("token", "path"):
            entries = self.tokens if identity.way == "token" else self.path_secrets
            return entries.get(identity.credential) == identity
        return True

    def _from_jwt(self, token: str) -> Identity:
        key = choose_key(self.keys, token)
        claims = key.claims(token)
        stated = claims.get("jti")
        # Without its signature: of that there may be several that hold, and a revoked token would come back.
        credential = str(stated) if is_name(stated) else digest(token.rpartition(".")[0])
        identity = identity_of(claims, way="jwt", key=key.kid, credential=credential)
        if identity.role not in key.roles:
            said = f"The key {key.kid} may not vouch for the role {identity.role}."
            raise Refusal("wrong_role", said, FORBIDDEN)
        return replace(identity, vouched_by=key)


def empty_book() -> CredentialBook:
    """Give the book of a server without credentials."""
    return CredentialBook()


def read_book(text: str, folder: Path) -> CredentialBook:
    """Read the TOML; files it names lie in ``folder``. Raises `BadCredentials`, naming the place."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # The sentence of the parser may show what is written there, which may be a secret.
        where = getattr(error, "lineno", None)
        raise BadCredentials(f"The credentials are no TOML{f' (line {where})' if where else ''}.") from None
    if unknown := data.keys() - _TABLES:
        raise BadCredentials(f"{min(unknown)!r} is not known: there are {', '.join(sorted(_TABLES))}.")
    keys = [_key(entry, f"keys {number}", folder) for number, entry in _entries(data, "keys")]
    return CredentialBook(
        keys=_unique({key.kid: key for key in keys}, len(keys), "kid"),
        tokens=_by_hash(data, "tokens", "token"),
        path_secrets=_by_hash(data, "path_secrets", "path"),
        files=tuple(folder / entry["file"] for _, entry in _entries(data, "keys") if "file" in entry),
    )


def _entries(data: Mapping[str, Any], name: str) -> list[tuple[int, dict[str, Any]]]:
    found = data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise BadCredentials(f"{name} must be written as [[{name}]], once for each.")
    return list(enumerate(found, start=1))


def _by_hash(data: Mapping[str, Any], name: str, way: Way) -> dict[str, Identity]:
    found = [_static(entry, f"{name} {number}", way) for number, entry in _entries(data, name)]
    _unique({identity.key: identity for identity in found}, len(found), f"id of {name}")
    return _unique({identity.credential: identity for identity in found}, len(found), f"sha256 of {name}")


def _unique(entries: dict[str, V], count: int, what: str) -> dict[str, V]:
    if len(entries) != count:
        raise BadCredentials(f"Each {what} may stand there once.")
    return entries


def _key(entry: dict[str, Any], where: str, folder: Path) -> JwtKey:
    _known(entry, _KEY_MEMBERS, where)
    kid = _text(entry, "kid", where)
    where = f"The key {kid[:64]!r}"
    algorithm = _text(entry, "algorithm", where)
    if algorithm not in ALGORITHMS:
        raise BadCredentials(f"{where}: algorithm must be one of {', '.join(ALGORITHMS)}.")
    roles = entry.get("roles", list(ROLES))
    if not isinstance(roles, list) or not roles or not all(role in ROLES for role in roles):
        raise BadCredentials(f"{where}: roles must be a list of {', '.join(ROLES)}.")
    return JwtKey(
        kid=kid,
        algorithm=algorithm,
        material=_material(entry, algorithm, where, folder),
        roles=frozenset(cast(list[Role], roles)),
        issuer=_text(entry, "issuer", where) if "issuer" in entry else None,
        audience=_text(entry, "audience", where) if "audience" in entry else None,
    )


def _material(entry: dict[str, Any], algorithm: str, where: str, folder: Path) -> Any:
    given = [name for name in ("secret", "public_key", "file") if name in entry]
    if len(given) != 1:
        raise BadCredentials(f"{where}: give secret (HS256), public_key or file, one of them.")
    if (algorithm == "HS256") != (given[0] == "secret"):
        # A public key that is taken for a secret lets everybody sign.
        raise BadCredentials(f"{where}: HS256 takes a secret, the other algorithms public_key or file.")
    value = _text(entry, given[0], where)
    if algorithm == "HS256":
        secret = value.encode()
        if len(secret) < LEAST_SECRET_BYTES or b"-----BEGIN" in secret:
            raise BadCredentials(
                f"{where}: its secret must have {LEAST_SECRET_BYTES} bytes or more. "
                f"`speech-dispatch token key` makes one."
            )
        return secret
    if given[0] == "public_key":
        return public_key(algorithm, value.encode(), where)
    try:
        return public_key(algorithm, (folder / value).read_bytes(), where)
    except OSError as error:
        raise BadCredentials(f"{where}: its file cannot be read: {error.strerror}.") from None


def _static(entry: dict[str, Any], where: str, way: Way) -> Identity:
    _known(entry, _TOKEN_MEMBERS, where)
    name = _text(entry, "id", where)
    where = f"{where} ({name[:64]!r})"
    hashed = _text(entry, "sha256", where).lower()
    if len(hashed) != 64 or not set(hashed) <= _HEX:
        raise BadCredentials(f"{where}: sha256 must be 64 hex digits: the hash, not the secret.")
    claims = {**entry, "sub": entry.get("subject", name), "exp": entry.get("expires")}
    if way == "path" and entry.get("role") == ADMIN:
        raise BadCredentials(f"{where}: a path secret is for nodes or clients.")
    try:
        # The hash names it: it is the same as long as the token is.
        return identity_of(claims, way=way, key=name, credential=hashed)
    except Refusal as refusal:
        raise BadCredentials(f"{where}: {refusal.message}") from None


def _known(entry: dict[str, Any], members: set[str], where: str) -> None:
    if unknown := entry.keys() - members:
        raise BadCredentials(
            f"{where}: {min(unknown)!r} is not known; there are {', '.join(sorted(members))}."
        )


def _text(entry: dict[str, Any], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise BadCredentials(f"{where}: {name} must be a text.")
    return value


def _unexpired(identity: Identity | None, now_s: float) -> Identity:
    if identity is None:
        raise Refusal("unknown", _UNKNOWN)
    if identity.expires_s is not None and now_s > identity.expires_s:
        raise Refusal("expired", "The token has expired. Get a new one.")
    return identity
