"""Tokens without claims: random words of ours, of which only the hash is kept."""

import secrets
from hashlib import sha256

#: Begins every token we make, so that it is known for one where it lies about.
PREFIX = "sdt_"
_BYTES = 32


def new_token() -> str:
    """Make a token of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def new_path_secret() -> str:
    """Make a secret of 256 random bits that can stand in a URL's path, and on a command line: no option."""
    while (secret := secrets.token_urlsafe(_BYTES)).startswith("-"):
        pass
    return secret


def digest(token: str) -> str:
    """Give what is kept of a token. It is random, so that nobody can try all there are: no salt is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
