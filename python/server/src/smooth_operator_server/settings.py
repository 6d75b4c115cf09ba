"""Settings of the server: flags first, then the established environment names, then defaults.

Each is read from ``SMOOTH_AGENT_`` and its name in capitals, but for the gateway's key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .store.opening import MEMORY, is_postgres

DEFAULT_DB = Path("smooth-operator.db")
DEFAULT_GATEWAY = "https://llm.smoo.ai/v1"
MIB = 1024 * 1024


class Settings(BaseSettings):
    """Everything that can be set. Times are seconds, sizes bytes."""

    model_config = SettingsConfigDict(
        env_prefix="SMOOTH_AGENT_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    bind: str = "127.0.0.1"
    """Address to listen on."""

    port: int = Field(8787, ge=0, le=65535)
    """0 takes a free port; the ready line names it."""

    db: Path | None = None
    """SQLite file. None: ``./smooth-operator.db``, in memory with ``demo`` and ``script``."""

    database_url: SecretStr | None = Field(
        None, validation_alias=AliasChoices("SMOOTH_AGENT_DATABASE_URL", "DATABASE_URL")
    )
    """``postgresql://`` URL, used unless ``db`` names a file."""

    demo: bool = False
    script: Path | None = None
    agents: Path | None = None
    """An agent file, or a folder of them; None: one agent under any id."""

    open_agents: bool | None = None
    """Whether ids that no file names are taken too; None: only without ``agents``."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    auth_mode: Literal["none", "jwt"] = Field(
        "none", validation_alias=AliasChoices("SMOOTH_AGENT_AUTH_MODE", "AUTH_MODE")
    )
    """none: one person, on this machine; jwt: every socket and request brings a token."""

    insecure: bool = False
    """Lets a server that asks nobody who they are listen beyond this machine."""

    jwt_hs256_secret: SecretStr | None = Field(None, validation_alias="AUTH_JWT_HS256_SECRET")
    """At least 32 bytes."""

    jwt_public_key: str | None = Field(None, validation_alias="AUTH_JWT_RS256_PUBLIC_KEY")
    """PEM, for RS, PS, ES and EdDSA tokens."""

    jwt_jwks_url: str | None = Field(None, validation_alias="AUTH_JWT_JWKS_URL")
    """None with an issuer: its ``/.well-known/jwks.json``."""

    jwt_issuer: str | None = Field(None, validation_alias="AUTH_JWT_ISSUER")
    jwt_audience: str | None = Field(None, validation_alias="AUTH_JWT_AUDIENCE")

    gateway_url: str | None = Field(None, validation_alias="SMOOAI_GATEWAY_URL")
    """Endpoint that speaks OpenAI's chat completions, with its ``/v1``."""

    gateway_key: SecretStr | None = Field(None, validation_alias="SMOOAI_GATEWAY_KEY")
    """None with a URL: an endpoint that asks for none."""

    model: str = "claude-haiku-4-5"
    """Unless the agent's file or the message names another."""

    max_tokens: int = Field(8192, ge=1)
    """Tokens of one answer of the model."""

    seed_kb: bool = False
    confirm_tools: Annotated[tuple[str, ...], NoDecode] = ()
    """Substrings of tool names, separated by commas: such a tool waits for a confirmation."""

    max_iterations: int = Field(20, ge=1)
    """Steps of the agent in one turn."""

    detach_secs: float = Field(90, ge=0)
    """How long a turn runs on when its socket is lost, and nobody takes it up."""

    replay_secs: float = Field(120, ge=0)
    """How long the events of a turn can be had again after its end."""

    ping_secs: float = Field(20, ge=0)
    """How often a ping frame of WebSocket goes out, for proxies on the way; 0: never."""

    lease_secs: float = Field(15, gt=0)
    """How long after a server's last sign of life its turns are taken over by another."""

    question_secs: float = Field(300, gt=0)
    """How long a question to a human lives; then it counts as denied."""

    keepalive_secs: float = Field(10, gt=0)
    """Silence of a turn after which ``keepalive`` is sent."""

    drain_secs: float = Field(10, ge=0)
    """How long running turns may finish when the server is told to end."""

    slow_reader_secs: float = Field(20, gt=0)
    """How long a full outbound queue may stay full before its socket is closed."""

    max_frame_bytes: int = Field(4 * MIB, ge=1024)
    """Largest frame that is read; a larger one closes the socket with 1009."""

    @field_validator("confirm_tools", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_postgres(value.get_secret_value()):
            raise ValueError("must be a postgresql:// URL")
        return value

    @field_validator("gateway_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
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

    @model_validator(mode="after")
    def _one_engine(self) -> Settings:
        if self.demo and self.script is not None:
            raise ValueError("demo and script exclude each other")
        return self


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return str(alias) if alias else f"SMOOTH_AGENT_{name.upper()}"
