"""Settings of servers, sockets and nodes: the first part of the one table in `scheduling.settings`."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """What a process connects to and listens on, and what becomes of nodes."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    redis_url: str = Field(
        description="Redis or Valkey of the ledger; rediss:// for TLS, redis+sentinel:// for Sentinels"
    )
    payload_url: str = Field(
        default="", description="server of audio and speech bodies; the ledger's when empty"
    )
    celery_broker_url: str = Field(
        default="", description="Celery's broker, Redis or RabbitMQ (amqp://); the ledger's server when empty"
    )
    cell: str = Field(
        default="0", pattern=r"^[a-z0-9-]{1,32}$", description="cell, the unit of scale; hash tag of its keys"
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="what the web process logs: DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="how all processes log: json, text, or auto: text on a terminal only"
    )
    access_log: bool = Field(default=False, description="log every HTTP request, without its query")
    host: str = Field(default="127.0.0.1", description="address the web process listens on")
    port: int = Field(default=5010, ge=1, le=65535, description="port of the web process")
    web_concurrency: int = Field(default=1, ge=1, description="web processes behind the port")
    audit_entries: int = Field(
        default=10_000, ge=0, le=1_000_000, description="operators' actions kept on record; 0 for none"
    )
    audit_ms: int = Field(
        default=2_592_000_000, ge=0, description="an operator's action is kept this long, ms; 0 for none"
    )
    model_hub_url: str = Field(
        default="", description="model hub whose catalogue of services is shown; none when empty"
    )
    max_connections: int = Field(default=12000, ge=1, description="sockets of one web process")
    handshakes_per_s: float = Field(
        default=150.0, gt=0, description="sockets a web process lets in per second, beyond a burst"
    )
    handshake_burst: int = Field(
        default=150, ge=4, description="sockets it lets in at once; a quarter is kept for nodes"
    )
    message_bytes: int = Field(default=16 * 2**20, ge=2**16, description="largest WebSocket message, bytes")
    outbound_bytes: int = Field(
        default=2**20, ge=2**16, description="unsent bytes per socket beyond one large message"
    )
    node_outbound_bytes: int = Field(
        default=32 * 2**20,
        ge=2**20,
        description="the same for a node, which may be sent all its slots at once",
    )
    ping_s: float = Field(default=20.0, gt=0, description="interval of pings on each socket, s")
    write_timeout_s: float = Field(
        default=10.0, gt=0, description="a peer that takes no byte this long is dropped, s"
    )
    request_head_s: int = Field(
        default=10,
        ge=1,
        description="a request's head, as of a handshake, must have come within this time, s",
    )
    opening_s: float = Field(
        default=60.0, gt=0, description="a peer must have said within this time who it is, s"
    )
    upload_s: float = Field(
        default=120.0, gt=0, description="a recording sent over HTTP must have come within this time, s"
    )
    shutdown_s: float = Field(
        default=20.0, ge=0, description="after SIGTERM running utterances are finished this long, s"
    )
    restart_spread_s: float = Field(
        default=5.0, ge=0, description="peers are asked to come back spread over this time, s"
    )
    health_s: float = Field(
        default=30.0, gt=0, description="a web process that stands still this long is not healthy, s"
    )
    store_timeout_s: float = Field(
        default=2.0, gt=0, description="a call of the ledger gives up after this time, s"
    )
    sweep_ms: int = Field(default=500, ge=10, description="how often a web process settles deadlines, ms")

    require_gpu: bool = Field(default=True, description="refuse nodes without a GPU")
    max_node_slots: int = Field(default=64, ge=1, le=4096, description="slots a node may state at most")
    default_node_slots: int = Field(default=4, ge=1, description="slots of a node that states none")
    heartbeat_s: float = Field(
        default=15.0, gt=0, description="heartbeat interval of a node that states none, s"
    )
    resource_threshold: float = Field(
        default=85.0, gt=0, le=100, description="CPU, GPU or memory use that keeps work away, %; 100 for none"
    )
    unhealthy_beats: int = Field(
        default=3, ge=1, description="unhealthy heartbeats in a row that degrade a node"
    )
    unhealthy_window: int = Field(
        default=5, ge=1, le=100, description="heartbeats looked back upon for unhealthy ones"
    )
    unhealthy_in_window: int = Field(
        default=3, ge=1, description="unhealthy heartbeats among them that degrade a node"
    )
    health_beats: int = Field(
        default=1, ge=1, le=100, description="healthy heartbeats in a row until a new node is ready"
    )
    warmup_ms: int = Field(
        default=60000, ge=1000, description="a new node not ready after this time is degraded, ms"
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="attempts failed in a row, by a node's own fault, that let it rest"
    )
    breaker_ms: int = Field(
        default=10000, ge=100, description="its first rest, ms; twice as long each time, up to 32 times"
    )
    model_mark_ms: int = Field(
        default=60000, ge=1000, description="a service that a node said it lacks is left out this long, ms"
    )
    max_classes: int = Field(
        default=64, ge=1, description="different capability classes that the nodes of one credential may make"
    )
    silence_ms: int = Field(
        default=30000, ge=1000, description="a silent node is offline after this time, ms"
    )
    grace_ms: int = Field(
        default=2000, ge=0, description="a node that can resume may come back this long, ms"
    )
    node_memory_ms: int = Field(
        default=86_400_000, ge=1000, description="an offline node's record is kept this long, ms"
    )

    pools_file: str = Field(
        default="", description="TOML file of configured pools (`docs/pools.md`), read by the workers"
    )
    pairing_waits: bool = Field(
        default=False, description="a session with a pairing code waits for that node; else it prefers it"
    )
