"""All settings, typed and validated in one place; the environment gives each by its upper-case name."""

from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from scheduling.setting_canary import CanarySettings
from scheduling.setting_credentials import CredentialSettings
from scheduling.setting_limits import LimitSettings
from scheduling.setting_tables import parse_table, read_cost, read_priority, read_weight
from scheduling.store.address import require_broker, require_redis


class SettingsError(Exception):
    """A setting in the environment is missing or wrong; the text says which and what it must be."""


class Settings(CanarySettings, CredentialSettings, LimitSettings):
    """Every process reads the same table; limits that scripts need are written into the cell at start."""

    dispatch_ms: int = Field(
        default=2000, ge=10, description="an assigned job must be sent within this time, ms"
    )
    ack_ms: int = Field(
        default=3000, ge=10, description="a node that acknowledges must do so within this time, ms"
    )
    attempt_ms: int = Field(
        default=30000, ge=10, description="an attempt without progress ends after this time, ms"
    )
    wait_ms: int = Field(default=10000, ge=10, description="a job waits for a slot this long, ms")
    admit_wait_ms: int = Field(
        default=5000, ge=0, description="an utterance likely to wait longer for a slot is refused at once, ms"
    )
    standing_wait_ms: int = Field(
        default=500, ge=0, description="the same while refusals go on: an overload lasts, ms"
    )
    utterance_ms: int = Field(default=60000, ge=100, description="an utterance ends within this time, ms")
    relax_ms: int = Field(default=1000, ge=0, description="a retry insists on another node this long, ms")
    max_attempts: int = Field(default=3, ge=1, description="attempts per job")
    max_waiting: int = Field(default=10000, ge=0, description="jobs that may wait in a cell")
    tenant_waiting_percent: int = Field(
        default=80, ge=1, le=100, description="share of the waiting jobs that one tenant may have, %"
    )
    tenant_weights: str = Field(
        default="", description="fair shares of tenants against each other's 1, as in `acme=3,trial=0.5`"
    )
    tenant_priorities: str = Field(
        default="", description="priority classes of tenants: high, normal or low, as in `acme=high`"
    )
    priority_ms: int = Field(
        default=2000, ge=0, description="how much longer a job may wait than one of the class above, ms"
    )
    slot_costs: str = Field(
        default="", description="slots of a job that needs a service, where not 1, as in `semantic=2`"
    )
    large_hold_ms: int = Field(
        default=1000,
        ge=0,
        description="a job of several slots waits this long until a node is kept for it, ms",
    )
    affinity_percent: int = Field(
        default=0,
        ge=0,
        le=100,
        description="how much busier than the emptiest node a session's last one, or a warm one, may be, %",
    )
    spread_ms: int = Field(
        default=0, ge=0, description="a session's utterances avoid the node it used this lately, ms"
    )
    retention_ms: int = Field(
        default=60000, ge=1000, description="records of ended jobs and sessions are kept this long, ms"
    )
    resume_ms: int = Field(
        default=60000,
        ge=1000,
        description="a client that lost its socket may come back to its session this long, ms",
    )
    out_entries: int = Field(
        default=200, ge=32, le=10_000, description="results of a session kept for a client that comes back"
    )
    session_ms: int = Field(
        default=3_600_000,
        ge=60000,
        description="an idle session's record is kept this long, up to a tenth less, ms",
    )
    inbox_ms: int = Field(
        default=600_000, ge=10000, description="an inbox nobody reads is kept this long, ms"
    )
    group_ms: int = Field(
        default=2000, ge=0, description="results closer than this share an utterance group, ms"
    )
    context_chars: int = Field(
        default=200,
        ge=0,
        le=10_000,
        description="characters of what was said before in its group that go with a job; 0 for none",
    )
    room_members: int = Field(default=500, ge=2, le=5000, description="members of the largest room")
    room_languages: int = Field(
        default=32, ge=1, le=500, description="languages the members of one room may want: a job each"
    )
    room_idle_ms: int = Field(
        default=1_800_000, ge=1000, description="a room in which nobody speaks ends after this time, ms"
    )
    signal_bytes: int = Field(
        default=2**16, ge=2**10, description="largest WebRTC signal handed on between members, bytes"
    )
    dead_letters: int = Field(
        default=1000, ge=0, description="dead letters kept: jobs that took their nodes with them; 0 for none"
    )
    dead_ms: int = Field(
        default=86_400_000, ge=0, description="a dead letter is kept this long, ms; 0 for none"
    )
    dead_audio_ms: int = Field(
        default=86_400_000, ge=0, description="its audio is kept this long, ms, never longer; 0 for none"
    )
    body_budget: int = Field(
        default=512 * 2**20, ge=2**20, description="bytes of audio and speech kept at once"
    )

    pause_ms: int = Field(default=3000, ge=100, description="silence that ends an utterance, ms")
    max_duration_ms: int = Field(default=10000, ge=500, description="longest utterance cut from chunks, ms")
    max_audio_bytes: int = Field(
        default=512_000,
        ge=2**17,
        description="largest utterance cut from chunks, bytes; sent at once, 8 times that",
    )
    end_of_speech_ms: int = Field(
        default=600,
        ge=200,
        le=10_000,
        description="silence that ends an utterance where speech is listened for, ms",
    )
    play_hold_ms: int = Field(
        default=60_000, ge=0, description="no pause cuts while a client plays speech, at most this long, ms"
    )
    tail_ms: int = Field(
        default=200, ge=0, description="a late chunk still belongs to its final this long, ms"
    )

    max_in_flight: int = Field(
        default=32, ge=1, description="utterances of one session that may be under way at once"
    )
    idle_s: float = Field(
        default=1800.0, gt=0, description="a session that sends nothing, not even heartbeats, is closed, s"
    )

    shards: int = Field(
        default=4, ge=1, le=64, description="outbox shards; so many drains at most are woken at once"
    )
    wake_ms: int = Field(
        default=250, ge=10, description="an undrained shard is published again after this time, ms"
    )
    drain_ms: int = Field(default=1000, ge=10, description="one drain works this long, ms")
    drain_items: int = Field(default=2500, ge=1, description="one drain takes this many results")
    drain_linger_ms: int = Field(
        default=20, ge=0, le=1000, description="a drain that found results waits this long for more, ms"
    )
    drain_gather_ms: int = Field(
        default=6,
        ge=0,
        le=100,
        description="where results come several at a time, a drain takes new ones this often at most, ms",
    )
    claim_ms: int = Field(
        default=2000, ge=100, description="a claimed result returns to the outbox after this time, ms"
    )
    presence_ms: int = Field(
        default=3000, ge=1000, description="nodes of an instance not heard this long get no new work, ms"
    )
    instance_dead_ms: int = Field(
        default=10_000, ge=1000, description="an instance not heard this long is declared dead, ms"
    )
    rebalance_per_s: float = Field(
        default=5.0, ge=0, le=1000, description="sockets sent elsewhere a second to spread them; 0 for none"
    )
    fallback_ms: int = Field(
        default=1000, ge=10, description="the web process drains what no worker took for this long, ms"
    )

    @field_validator("redis_url", "payload_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if url:
            require_redis(url)
        return url

    @field_validator("celery_broker_url")
    @classmethod
    def _is_broker(cls, url: str) -> str:
        if url:
            require_broker(url)
        return url

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("log_format", mode="before")
    @classmethod
    def _lower(cls, word: object) -> object:
        return word.lower() if isinstance(word, str) else word

    @field_validator("tenant_weights", "tenant_priorities", "slot_costs")
    @classmethod
    def _is_table(cls, words: str, info: ValidationInfo) -> str:
        readers = {"tenant_weights": read_weight, "tenant_priorities": read_priority, "slot_costs": read_cost}
        parse_table(words, readers[str(info.field_name)])
        return words

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.grace_ms >= self.silence_ms:
            raise ValueError("GRACE_MS must be shorter than SILENCE_MS")
        if self.presence_ms < 2 * self.sweep_ms:
            raise ValueError(
                "PRESENCE_MS must be twice SWEEP_MS or more: an instance is heard when it sweeps"
            )
        if self.instance_dead_ms < 3 * self.presence_ms:
            raise ValueError("INSTANCE_DEAD_MS must be 3 times PRESENCE_MS or more")
        if self.default_node_slots > self.max_node_slots:
            raise ValueError("DEFAULT_NODE_SLOTS must not exceed MAX_NODE_SLOTS")
        return self

    @cached_property
    def weight_of(self) -> dict[str, int]:
        """Fair share of each tenant that has another than 1, in hundredths."""
        return parse_table(self.tenant_weights, read_weight)

    @cached_property
    def priority_of(self) -> dict[str, int]:
        """Priority class of each tenant that has another than normal: 0 high, 2 low."""
        return parse_table(self.tenant_priorities, read_priority)

    @cached_property
    def cost_of(self) -> dict[str, int]:
        """Slots that a job takes by a service it needs."""
        return parse_table(self.slot_costs, read_cost)

    def slots_for(self, services: Iterable[str]) -> int:
        """Slots of one node that a job takes which needs these services."""
        return max((self.cost_of.get(service, 1) for service in services), default=1)

    @property
    def body_url(self) -> str:
        """Server of the bodies."""
        return self.payload_url or self.redis_url

    @property
    def broker_url(self) -> str:
        """Broker of Celery."""
        return self.celery_broker_url or self.redis_url

    @property
    def body_ttl_ms(self) -> int:
        """Bodies outlive their utterance by the retention, and as long as a client may come back, ms."""
        return self.utterance_ms + max(self.retention_ms, self.resume_ms)


#: What the Lua scripts read from the cell; the names are those of the settings.
SCRIPT_LIMITS = (
    "unhealthy_beats", "unhealthy_window", "unhealthy_in_window", "health_beats", "warmup_ms",
    "breaker_failures", "breaker_ms", "max_classes", "silence_ms", "node_memory_ms", "dispatch_ms",
    "ack_ms", "attempt_ms", "wait_ms", "utterance_ms", "relax_ms", "max_attempts", "max_waiting",
    "retention_ms", "resume_ms", "session_ms", "inbox_ms", "group_ms", "wake_ms", "presence_ms",
    "tenant_waiting_percent", "priority_ms", "large_hold_ms", "affinity_percent", "spread_ms",
    "room_members", "room_languages", "room_idle_ms", "admit_wait_ms", "standing_wait_ms", "out_entries",
    "dead_letters", "dead_ms",
)  # fmt: skip


@cache
def get_settings() -> Settings:
    """Read the environment once. Raises `SettingsError` with a sentence per wrong setting."""
    return read_settings()


def read_settings(**given: Any) -> Settings:
    """Read the environment, but for what is ``given``. Raises `SettingsError` as `get_settings` does."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(item) for item in error.errors())) from None


def _sentence(item: object) -> str:
    assert isinstance(item, dict)
    name = ".".join(str(part) for part in item["loc"]).upper()
    if item["type"] == "missing":
        return f"{name} is not set: give the URL of a Redis or Valkey server, or run `speech-dispatch up`"
    said = str(item["msg"]).removeprefix("Value error, ")
    return f"{name}: {said}" if name else said
