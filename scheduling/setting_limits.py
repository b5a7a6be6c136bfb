"""Settings of what peers and tenants may take: a part of the one table in `scheduling.settings`."""

from pydantic import Field, ValidationInfo, field_validator

from scheduling.setting_groups import ServerSettings
from scheduling.setting_tables import parse_table, read_amount, read_rate

_READERS = {
    "tenant_sessions": read_amount,
    "tenant_waiting": read_amount,
    "tenant_jobs": read_amount,
    "tenant_audio_min": read_amount,
    "tenant_connections_per_s": read_rate,
}


class LimitSettings(ServerSettings):
    """Limits (`docs/limits.md`): of a socket, of an address, of a tenant; and how long usage is kept."""

    messages_per_s: float = Field(
        default=5000.0, ge=0, description="messages one socket may send per second; 0 for any number"
    )
    bytes_per_s: float = Field(
        default=64 * 2**20, ge=0, description="bytes of messages one socket may send per second; 0 for any"
    )
    peer_connections: int = Field(
        default=0, ge=0, description="sockets that one address may have open in a web process; 0 for any"
    )
    peer_connections_per_s: float = Field(
        default=0.0,
        ge=0,
        description="sockets and recordings a web process takes per second of one address; 0 for any",
    )
    code_tries: int = Field(
        default=10, ge=1, description="wrong room and pairing codes that one socket may send in a minute"
    )
    peer_code_tries: int = Field(
        default=60, ge=1, description="the same of all sockets of one address to a web process"
    )
    peer_guesses: int = Field(
        default=30,
        ge=0,
        description="different wrong credentials of one address to a web process in a minute; 0 for any",
    )
    tenant_sessions: str = Field(
        default="", description="open sessions of a tenant, as in `acme=500,*=100`; `*` is each other one"
    )
    tenant_waiting: str = Field(default="", description="jobs of a tenant that may wait for a slot")
    tenant_jobs: str = Field(default="", description="jobs of a tenant under way, running or waiting")
    tenant_audio_min: str = Field(default="", description="audio of a tenant in any 24 hours, minutes")
    tenant_connections_per_s: str = Field(
        default="", description="sessions that a tenant may open per second in a web process"
    )
    usage_days: int = Field(
        default=90, ge=0, le=3660, description="usage per tenant and node is kept this long, days; 0 for none"
    )

    @field_validator(*_READERS)
    @classmethod
    def _is_limit(cls, words: str, info: ValidationInfo) -> str:
        parse_table(words, _READERS[str(info.field_name)])
        return words
