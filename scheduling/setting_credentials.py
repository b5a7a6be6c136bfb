"""Settings of who may enter, and of how servers are trusted."""

from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from scheduling.networks import Network, read_networks

_URLS = ("redis_url", "payload_url", "celery_broker_url")
_TLS = ("rediss", "rediss+sentinel")
_LEAST_SECRET = 32


class CredentialSettings(BaseSettings):
    """Credentials of peers and operators, and the authority that vouches for Redis."""

    admin_token: str = Field(
        default="",
        repr=False,
        description="bearer token of the operators' HTTP API, its simple form; see `docs/security.md`",
    )
    credentials_file: str = Field(
        default="",
        description="TOML file of keys, tokens, path secrets (`docs/security.md`); read anew when changed",
    )
    credentials: str = Field(
        default="",
        repr=False,
        description="the same TOML itself, where there is no file to keep it in",
    )
    trusted_networks: str = Field(
        default="", description="networks whose nodes and clients need no credential, as in `10.0.0.0/8`"
    )
    trusted_proxies: str = Field(
        default="", description="networks of proxies whose `X-Forwarded-For` is believed; none when empty"
    )
    allowed_origins: str = Field(
        default="",
        description="origins of web pages that may open sockets, as in `https://app.example`; with "
        "credentials, when empty, those of the server itself only",
    )
    job_token_secret: str = Field(
        default="",
        repr=False,
        description="secret (32 characters or more) that signs a token for each job; no tokens when empty",
    )
    redis_ca_file: str = Field(
        default="",
        description="PEM file of the authority that vouches for `rediss://` and `amqps://` servers; the "
        "system's when empty",
    )

    @field_validator("trusted_networks", "trusted_proxies")
    @classmethod
    def _are_networks(cls, words: str) -> str:
        read_networks(words)
        return words

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, words: str) -> str:
        for origin in read_origins(words):
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(f"{origin!r} is no origin: write one such as https://app.example")
        return words

    @field_validator("job_token_secret")
    @classmethod
    def _is_long(cls, secret: str) -> str:
        if secret and len(secret.encode()) < _LEAST_SECRET:
            raise ValueError(f"must have {_LEAST_SECRET} characters or more")
        return secret

    @model_validator(mode="before")
    @classmethod
    def _vouched_for(cls, given: Any) -> Any:
        """Write the authority into each URL that does not name one, where every connection reads it."""
        authority = given.get("redis_ca_file") if isinstance(given, dict) else None
        if not authority:
            return given
        return {
            **given,
            **{name: with_authority(given[name], authority) for name in _URLS if given.get(name)},
        }

    @model_validator(mode="after")
    def _one_source(self) -> "CredentialSettings":
        if self.credentials and self.credentials_file:
            raise ValueError("CREDENTIALS and CREDENTIALS_FILE are both set: leave one of them out")
        return self

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """Networks whose peers need no credential."""
        return read_networks(self.trusted_networks)

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """Networks of proxies that are believed."""
        return read_networks(self.trusted_proxies)

    @cached_property
    def origins(self) -> frozenset[str]:
        """Origins of pages that may open sockets, besides the server's own."""
        return frozenset(read_origins(self.allowed_origins))

    @property
    def has_credentials(self) -> bool:
        """Whether nodes and clients need credentials, or a trusted network: otherwise everybody may enter."""
        return bool(self.credentials or self.credentials_file or self.trusted_networks)


def read_origins(words: str) -> list[str]:
    """Read origins apart by commas, in the form browsers send them."""
    return [word.strip().lower().rstrip("/") for word in words.split(",") if word.strip()]


def with_authority(url: object, file: str) -> object:
    """Give a URL of TLS that names the authority's file, unless it names one already."""
    if not isinstance(url, str) or "ssl_ca_certs=" in url or url.partition("://")[0] not in _TLS:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={quote(file, safe='/')}"
