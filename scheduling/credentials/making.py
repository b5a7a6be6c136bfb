"""Makes keys, tokens and path secrets, and writes what the server needs of them into its file."""

import fcntl
import json
import os
import re
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from scheduling.credentials.book import read_book
from scheduling.credentials.claims import identity_of
from scheduling.credentials.identity import Identity, Role
from scheduling.credentials.refusal import BadCredentials, Refusal
from scheduling.credentials.static import digest, new_path_secret, new_token

_KID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: What helps who has no credentials file where one is looked for.
MAKE_ONE = "Name the file of credentials with --file, or make one with: speech-dispatch token key"

_RSA_BITS = 3072
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is to allow. ``expires_s`` is Unix time, None for never (static tokens only)."""

    role: Role
    subject: str
    tenant: str = ""
    languages: Sequence[str] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    tier: str = ""
    node_id: str = ""
    expires_s: float | None = None

    def claims(self) -> dict[str, Any]:
        """Give the members that are stated. Raises `BadCredentials` for one that no server would take."""
        stated = {
            "role": self.role, "tenant": self.tenant, "tier": self.tier, "node_id": self.node_id,
            "languages": list(self.languages) if self.languages is not None else None,
            "limits": dict(self.limits),
        }  # fmt: skip
        claims = {name: value for name, value in stated.items() if value not in ("", None, {})}
        try:
            identity_of({"sub": self.subject, **claims}, way="token", key="", credential="")
        except Refusal as refusal:
            raise BadCredentials(refusal.message) from None
        return claims


def add_key(file: Path, algorithm: str, kid: str, roles: Sequence[Role] = ()) -> Path | None:
    """Make a key and enter it into the file; gives where its private half is, None for HS256.

    Raises `BadCredentials` and `OSError`.
    """
    if not _KID.fullmatch(kid):
        raise BadCredentials("The name of a key (kid) may hold letters, digits and . _ - only.")
    entry: dict[str, Any] = {"kid": kid, "algorithm": algorithm}
    place = None
    if algorithm == "HS256":
        entry["secret"] = token_urlsafe(48)
    else:
        private, entry["public_key"] = _pair(algorithm)
        place = file.parent / f"{kid}.private.pem"
    if roles:
        entry["roles"] = list(roles)
    if place is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_private(place, private)
    try:
        _append(file, "keys", entry)
    except BaseException:
        if place is not None:
            place.unlink()
        raise
    return place


def add_static(file: Path, grant: Grant, *, name: str = "", path: bool = False) -> str:
    """Make a static token, or a path secret, and enter its hash; gives the secret, which is kept nowhere.

    Raises `BadCredentials` and `OSError`.
    """
    secret = new_path_secret() if path else new_token()
    claims = grant.claims()
    hashed = digest(secret)
    entry = {
        "id": name or f"{grant.subject}-{hashed[:6]}",
        "sha256": hashed,
        "subject": grant.subject,
        **claims,
    }
    if grant.expires_s is not None:
        entry["expires"] = grant.expires_s
    _append(file, "path_secrets" if path else "tokens", entry)
    return secret


def make_jwt(file: Path, grant: Grant, kid: str = "", private_key: Path | None = None) -> str:
    """Sign a JWT with a key of the file, the last of it when none is named.

    Raises `BadCredentials` and `OSError`.
    """
    if grant.expires_s is None:
        raise BadCredentials("A JWT must end some time: say when it expires.")
    keys = tomllib.loads(_text(file)).get("keys", [])
    chosen = [key for key in keys if not kid or key.get("kid") == kid]
    if not chosen:
        raise BadCredentials(f"There is no such key in {file}. `speech-dispatch token key` makes one.")
    key = chosen[-1]
    now_s = int(time.time())
    claims = {
        "sub": grant.subject,
        "iat": now_s,
        "exp": int(grant.expires_s),
        "jti": uuid4().hex,
        **grant.claims(),
    }
    claims |= {short: key[name] for name, short in (("issuer", "iss"), ("audience", "aud")) if name in key}
    signer = key["secret"] if key["algorithm"] == "HS256" else _private(file, key["kid"], private_key)
    return jwt.encode(claims, signer, key["algorithm"], headers={"kid": key["kid"]})


def describe(identity: Identity) -> list[tuple[str, str]]:
    """Say what a credential allows, as pairs of words; nothing in them is secret."""
    ends = (
        "never"
        if identity.expires_s is None
        else time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(identity.expires_s))
    )
    limits = ", ".join(f"{name} {most:g}" for name, most in sorted(identity.limits.items()))
    return [
        ("role", identity.role),
        ("subject", identity.subject),
        ("tenant", identity.tenant or "none"),
        ("languages", identity.spoken),
        ("limits", limits or "none"),
        ("tier", identity.tier or "none"),
        *([("node id", identity.node_id or "any that is free")] if identity.role == "node" else []),
        ("expires", ends),
        ("made by", f"{identity.way} {identity.key}"),
        ("id", identity.credential),
        ("fingerprint", identity.fingerprint),
    ]


def _pair(algorithm: str) -> tuple[bytes, str]:
    key: Any
    if algorithm == "RS256":
        key = generate_rsa(public_exponent=65537, key_size=_RSA_BITS)
    elif algorithm == "ES256":
        key = generate_ec(SECP256R1())
    else:
        key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public.decode()


def _private(file: Path, kid: str, named: Path | None) -> Any:
    place = named or file.parent / f"{kid}.private.pem"
    try:
        return load_pem_private_key(place.read_bytes(), password=None)
    except OSError as error:
        raise BadCredentials(f"The private key {place} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise BadCredentials(f"{place} is no private key in PEM without a password.") from None


def _append(file: Path, table: str, entry: Mapping[str, Any]) -> None:
    """Add a table to the file; of those who do so at once each adds to what the one before has written."""
    lines = "".join(f"{name} = {_value(value)}\n" for name, value in entry.items())
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(file.parent):
        former = _text(file) if file.exists() else _HEAD
        text = f"{former.rstrip()}\n\n[[{table}]]\n{lines}"
        read_book(text, file.parent)  # what a server would refuse is not written
        _replace(file, text)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait for others who write here."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(file: Path, text: str) -> None:
    """Write it aside first, so that no server reads half of it; who may read the file still may."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    former = file.stat() if file.exists() else None
    try:
        _write_private(aside, text.encode())
        if former:
            with suppress(PermissionError):  # only root may give a file away
                os.chown(aside, former.st_uid, former.st_gid)
            aside.chmod(former.st_mode & 0o777)
        aside.replace(file)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


def _text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadCredentials(f"{file} is not there. {MAKE_ONE}.") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadCredentials(f"{file} cannot be read: {why}.") from None
    read_book(text, file.parent)
    return text


def _write_private(place: Path, data: bytes) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "wb") as target:
        target.write(data)


def _value(value: Any) -> str:
    """Write a value as TOML: its strings are those of JSON, its tables are written inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_value(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=True)


_HEAD = """\
# Credentials of speech-dispatch (docs/security.md). `speech-dispatch token` adds to this file; servers read
# it anew within seconds. To take something away for good, delete its table.
"""
