"""Settings of the server: flags first, then the established environment names, then defaults.

Each is read from ``SMOOTH_AGENT_`` and its name in capitals, but for the gateway's key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .store.opening import MEMORY, is_postgres

DEFAULT_DB = Path("smooth-operator.db")
DEFAULT_GATEWAY = "https://llm.smoo.ai/v1"
MIB = 1024 * 1024
MONTH_S = 31 * 24 * 3600
"""The longest time of a setting: behind it, clocks and databases run out of numbers."""

MANY = 1_000_000_000
"""The most of anything that is counted."""


class Settings(BaseSettings):
    """Everything that can be set. Times are seconds, sizes bytes.

    The texts below are the table of the README: ``smooth-operator-server settings`` prints it.
    """

    model_config = SettingsConfigDict(
        env_prefix="SMOOTH_AGENT_",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    bind: str = "127.0.0.1"
    """address to listen on; beyond this machine only with `SMOOTH_AGENT_AUTH_MODE=jwt`, or with
    `--insecure`"""

    port: int = Field(8787, ge=0, le=65535)
    """0 takes a free port; the ready line on stdout names it"""

    db: Path | None = None
    """SQLite file; `./smooth-operator.db` unless given, and in memory with `--demo` and
    `--script`"""

    database_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("SMOOTH_AGENT_DATABASE_URL", "DATABASE_URL")
    )
    """`postgresql://…`: PostgreSQL instead, unless `--db` names a file; needs
    `pip install 'smooth-operator-server[postgres]'`"""

    redis_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("SMOOTH_AGENT_REDIS_URL", "REDIS_URL")
    )
    """`redis://…`: over it several servers on one PostgreSQL tell each other, see below; needs
    `pip install 'smooth-operator-server[redis]'`"""

    demo: bool = False
    """the offline demonstration answers"""

    playground: bool = False
    """a page at `/` with a chat and, beside it, the wire; the demonstration has it anyway"""

    script: Path | None = None
    """the script in this file answers"""

    agents: Path | None = None
    """an agent file or a folder of them, see below; without it one agent answers under any id"""

    open_agents: bool | None = None
    """1 takes ids too that no agent file names, 0 never; by default only without agent files"""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """least level of the log on stderr; no message, code, token or address is ever logged"""

    auth_mode: Literal["none", "jwt"] = Field(
        "none", validation_alias=AliasChoices("SMOOTH_AGENT_AUTH_MODE", "AUTH_MODE")
    )
    """`jwt`: every socket and request brings a token, which one of the next four proves; `none`:
    one person, on this machine"""

    insecure: bool = False
    """listen beyond this machine although nobody is asked who they are"""

    jwt_hs256_secret: SecretStr | None = Field(None, validation_alias="AUTH_JWT_HS256_SECRET")
    """a shared secret of at least 32 bytes"""

    jwt_public_key: str | None = Field(None, validation_alias="AUTH_JWT_RS256_PUBLIC_KEY")
    """the issuer's public key in PEM form, for RS, PS, ES and EdDSA tokens"""

    jwt_jwks_url: str | None = Field(None, validation_alias="AUTH_JWT_JWKS_URL")
    """the issuer's key set"""

    jwt_issuer: str | None = Field(None, validation_alias="AUTH_JWT_ISSUER")
    """is checked when set; alone it also gives the key set's URL: its `/.well-known/jwks.json`"""

    jwt_audience: str | None = Field(None, validation_alias="AUTH_JWT_AUDIENCE")
    """is checked when set"""

    gateway_url: str | None = Field(None, validation_alias="SMOOAI_GATEWAY_URL")
    """the endpoint of the model (OpenAI's chat completions), with its `/v1`; with a key alone it is
    `https://llm.smoo.ai/v1`"""

    gateway_key: SecretStr | None = Field(None, validation_alias="SMOOAI_GATEWAY_KEY")
    """the endpoint's key; a URL alone is an endpoint that asks for none"""

    model: str = "claude-haiku-4-5"
    """unless the agent's file or the message names another"""

    max_tokens: int = Field(8192, ge=1, le=MANY)
    """tokens of one answer of the model"""

    model_silence_secs: float = Field(60, gt=0, le=MONTH_S)
    """how long the endpoint of the model may be silent, before its answer and in it"""

    model_attempts: int = Field(3, ge=1, le=10)
    """how often a call is tried that failed before its first word"""

    history_chars: int = Field(60_000, ge=1000, le=MANY)
    """characters of a conversation that the model is told word for word; what is older is summed
    up"""

    otel_endpoint: str | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """collector that spans are sent to (OTLP over HTTP); needs
    `pip install 'smooth-operator-server[otel]'`"""

    prices: Path | None = None
    """a file of what models cost, see below; it goes before the list prices that the server
    knows"""

    turn_tokens: int | None = Field(None, ge=1, le=MANY)
    """tokens that one turn may read and write; an agent's file may say less"""

    turn_cost_usd: float | None = Field(None, gt=0, le=MANY)
    """US dollars that one turn may cost"""

    session_tokens: int | None = Field(None, ge=1, le=MANY)
    """tokens that all turns of a session may read and write"""

    session_cost_usd: float | None = Field(None, gt=0, le=MANY)
    """US dollars that all turns of a session may cost"""

    skills_dir: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), validation_alias="SMOOTH_SKILLS_DIR"
    )
    """folders of skills, by colons"""

    embeddings: Literal["none", "hashing", "minilm", "endpoint"] = "none"
    """by what documents are compared with a question, beside their words: `endpoint` asks that of
    the model; `minilm` runs a small model here, see below; `hashing` finds misspelt and joined
    words, offline"""

    embedding_model: str = Field(
        "text-embedding-3-small", validation_alias="SMOOTH_EMBEDDING_MODEL"
    )
    """asked for embeddings"""

    rerank: Literal["off", "lexical", "gateway"] = "off"
    """a second look at what was found: `lexical` by the words of the question and where they
    stand, `gateway` asks `/rerank` of the model's endpoint"""

    rerank_model: str = Field("rerank-english-v3.0", validation_alias="SMOOTH_RERANK_MODEL")
    """asked for the second look"""

    github_token: SecretStr | None = Field(
        None, validation_alias=AliasChoices("GITHUB_TOKEN", "SMOOTH_GITHUB_TOKEN")
    )
    """of GitHub, with which `ingest` reads `github:OWNER/NAME`; without it what is public"""

    github_api: str = Field("https://api.github.com", validation_alias="GITHUB_API_URL")
    """another one for an enterprise's own server"""

    seed_kb: bool = False
    """1 takes the demonstration's documents in"""

    confirm_tools: Annotated[tuple[str, ...], NoDecode] = ()
    """substrings of tool names that need a confirmation, by commas"""

    mcp: Path | None = None
    """a file of tool servers (Model Context Protocol), see below; needs
    `pip install 'smooth-operator-server[mcp]'`"""

    fetch_tool: bool = False
    """1 lets models fetch pages of the web (`fetch_url`); never addresses of this network"""

    tool_scans: Annotated[tuple[Literal["secrets", "injection"], ...], NoDecode] = (
        "secrets",
        "injection",
    )
    """what is looked for around each call of a tool, by commas; `none` for nothing"""

    rate_per_minute: int | None = Field(None, ge=1, le=MANY)
    """actions that one person may send in a minute, over all sockets and routes; more are
    RATE_LIMITED"""

    connector_files: Path | None = None
    """the folder that connectors of kind `file` may read; without it none of them may"""

    max_iterations: int = Field(20, ge=1, le=MANY)
    """steps of the agent in one turn"""

    detach_secs: float = Field(90, ge=0, le=MONTH_S)
    """how long a turn runs on when its socket is lost, and nobody takes it up"""

    replay: bool = True
    """turns outlive their sockets (capability `replay`); 0 withholds it, for tests of clients"""

    replay_secs: float = Field(120, ge=0, le=MONTH_S)
    """how long the events of a turn can be had again after its end"""

    ping_secs: float = Field(20, ge=0, le=MONTH_S)
    """how often a ping frame of WebSocket goes out, for proxies on the way; 0: never"""

    pong_secs: float = Field(20, ge=0, le=MONTH_S)
    """a socket that answers no ping in this time, says nothing and takes nothing is closed; 0:
    never"""

    hello_secs: float = Field(10, gt=0, le=MONTH_S)
    """a connection that does not say in this time what it wants is closed"""

    lease_secs: float = Field(15, gt=0, le=MONTH_S)
    """how long after a server's last sign of life its turns are taken over by another"""

    question_secs: float = Field(300, gt=0, le=MONTH_S)
    """how long a question to a human lives; then it counts as denied"""

    keepalive_secs: float = Field(10, gt=0, le=MONTH_S)
    """silence of a turn after which ``keepalive`` is sent"""

    drain_secs: float = Field(10, ge=0, le=MONTH_S)
    """how long running turns may finish when the server is told to end"""

    slow_reader_secs: float = Field(20, gt=0, le=MONTH_S)
    """how long a full outbound queue may stay full before its socket is closed"""

    max_frame_bytes: int = Field(4 * MIB, ge=1024, le=MANY)
    """largest frame that is read; a larger one closes the socket with 1009"""

    @field_validator("confirm_tools", "tool_scans", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            words = tuple(word.strip() for word in value.split(",") if word.strip())
            return () if words == ("none",) else words
        return value

    @field_validator("skills_dir", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in value.split(os.pathsep) if part)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_postgres(value.get_secret_value()):
            raise ValueError("must be a postgresql:// URL")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        schemes = ("redis://", "rediss://", "unix://")
        if value is not None and not value.get_secret_value().startswith(schemes):
            raise ValueError("must be a redis:// URL")
        return value

    @field_validator("gateway_url", "jwt_jwks_url", "otel_endpoint", "github_api")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and not _is_url(value):
            raise ValueError("must be an http:// or https:// URL")
        return value

    @property
    def database(self) -> str:
        """Where the stores are: a file, ``:memory:`` or a URL with its password."""
        if self.db is not None:
            return str(self.db)
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return MEMORY if self.demo or self.script is not None else str(DEFAULT_DB)

    @property
    def shows_playground(self) -> bool:
        """Whether there is a page at ``/``."""
        return self.playground or self.demo

    @model_validator(mode="after")
    def _one_engine(self) -> Settings:
        if self.demo and self.script is not None:
            raise ValueError("demo and script exclude each other")
        return self


def _is_url(value: str) -> bool:
    """Tell whether a text is a URL with a host in it, which somebody can be asked at."""
    try:
        parts = urlsplit(value)
        has_host = parts.hostname is not None and parts.port != 0  # a port that is none raises
    except ValueError:
        return False
    return has_host and parts.scheme in ("http", "https") and not any(map(str.isspace, value))


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return str(alias) if alias else f"SMOOTH_AGENT_{name.upper()}"
