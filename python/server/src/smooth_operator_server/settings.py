"""Settings of the server: flags first, then the established environment names, then defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_DB = Path("smooth-operator.db")
MIB = 1024 * 1024


class Settings(BaseSettings):
    """Everything that can be set. Times are seconds, sizes bytes."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    host: str = Field("127.0.0.1", validation_alias="SMOOTH_AGENT_BIND")
    port: int = Field(8787, ge=0, le=65535, validation_alias="SMOOTH_AGENT_PORT")
    """0 takes a free port; the ready line names it."""

    db: Path | None = Field(None, validation_alias="SMOOTH_AGENT_DB")
    """None: ``./smooth-operator.db``, in memory with ``--demo`` and ``--script``."""

    demo: bool = False
    script: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="SMOOTH_AGENT_LOG_LEVEL"
    )

    gateway_key: SecretStr | None = Field(None, validation_alias="SMOOAI_GATEWAY_KEY")
    seed_kb: bool = Field(default=False, validation_alias="SMOOTH_AGENT_SEED_KB")
    confirm_tools: Annotated[tuple[str, ...], NoDecode] = Field(
        (), validation_alias="SMOOTH_AGENT_CONFIRM_TOOLS"
    )
    """Substrings of tool names, separated by commas: such a tool waits for a confirmation."""

    max_iterations: int = Field(20, ge=1, validation_alias="SMOOTH_AGENT_MAX_ITERATIONS")
    """Steps of the agent in one turn."""

    detach_s: float = Field(60, ge=0, validation_alias="SMOOTH_AGENT_DETACH_SECS")
    """How long a turn runs on when its socket is lost."""

    question_s: float = Field(300, gt=0, validation_alias="SMOOTH_AGENT_QUESTION_SECS")
    """How long a question to a human lives; then it counts as denied."""

    keepalive_s: float = Field(10, gt=0, validation_alias="SMOOTH_AGENT_KEEPALIVE_SECS")
    """Silence of a turn after which ``keepalive`` is sent."""

    drain_s: float = Field(10, ge=0, validation_alias="SMOOTH_AGENT_DRAIN_SECS")
    """How long running turns may finish when the server is told to end."""

    slow_reader_s: float = Field(20, gt=0, validation_alias="SMOOTH_AGENT_SLOW_READER_SECS")
    """How long a full outbound queue may stay full before its socket is closed."""

    max_frame_bytes: int = Field(4 * MIB, ge=1024, validation_alias="SMOOTH_AGENT_MAX_FRAME_BYTES")
    """Largest frame that is read; a larger one closes the socket with 1009."""

    @field_validator("confirm_tools", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("gateway_key", "db", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value
