"""Credentials for tests: a file as `speech-dispatch token` writes it, and tokens of it, good and forged."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt

from scheduling.credentials import Role
from scheduling.credentials.making import Grant, add_key, add_static, make_jwt

HOUR_S = 3600


class CredentialFile:
    """A credentials file in a folder of one's own; every algorithm has a key called by its name."""

    def __init__(self, folder: Path, *algorithms: str) -> None:
        self.path = folder / "credentials.toml"
        for algorithm in algorithms:
            add_key(self.path, algorithm, algorithm)

    def jwt(self, kid: str, role: Role, subject: str = "somebody", **grant: Any) -> str:
        """Give a token that is good for an hour unless stated otherwise."""
        ends = {"expires_s": time.time() + HOUR_S} | grant
        return make_jwt(self.path, Grant(role=role, subject=subject, **ends), kid)

    def static(self, role: Role, subject: str = "somebody", **grant: Any) -> str:
        """Add a static token."""
        return add_static(self.path, Grant(role=role, subject=subject, **grant))

    def path_secret(self, role: Role, subject: str = "somebody", **grant: Any) -> str:
        """Add a path secret."""
        return add_static(self.path, Grant(role=role, subject=subject, **grant), path=True)

    def signed(self, kid: str, claims: dict[str, Any], **header: Any) -> str:
        """Sign any claims with the HS256 key of the file."""
        secret = next(line for line in self.path.read_text().splitlines() if line.startswith("secret"))
        key = json.loads(secret.partition("= ")[2])
        return jwt.encode(claims, key, "HS256", headers={"kid": kid, **header})


def bearer(token: str) -> dict[str, str]:
    """Give the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Put together a JWT by hand."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
