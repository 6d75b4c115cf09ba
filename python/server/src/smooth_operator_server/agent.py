"""What the flags choose: the engine, its tools, its documents, its one-time codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .clock import Clock
from .engine import Accounts, Engine
from .engine.absent import AbsentEngine
from .engine.demo import DEMO_CODE, DemoEngine
from .engine.script import ScriptEngine
from .engine.script_file import Script, ScriptError, read_script
from .knowledge import Embedder, seed_documents
from .knowledge.reranking import LexicalReranker, Reranker
from .questions import FixedCode, OtpService
from .settings import DEFAULT_GATEWAY, Settings
from .telemetry import Observer
from .tools import Tool, ToolHook
from .tools.builtin import BUILTIN_NAMES, scripted_tools
from .tools.demo import demo_tools

if TYPE_CHECKING:
    from .engine.model import ModelEngine


SCRIPT_GROUP = "script"
"""Group of the tools that come and go with a script."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who answers, and with what. ``confirm_words`` are substrings of tool names."""

    engine: Engine
    tools: list[Tool] = field(default_factory=list)
    otp: OtpService | None = None
    confirm_words: tuple[str, ...] = ()
    documents: dict[str, str] = field(default_factory=dict)
    hooks: list[ToolHook] = field(default_factory=list)
    costs: Callable[[], dict[str, Any]] = dict
    """Returns what models cost for one token, by the name of the model."""

    scripted: tuple[Tool, ...] = ()
    """Tools that go when another script comes."""


def choose_agent(
    settings: Settings,
    clock: Clock,
    new_id: Callable[[], str],
    accounts: Accounts,
    observer: Observer,
) -> Agent:
    """Return the agent of ``--script``, of ``--demo``, of a model, or one that has none.

    Raises:
        FileFaultError: the table of prices cannot be used.
        ScriptError: the script cannot be used.
    """
    seeds = seed_documents() if settings.seed_kb or settings.demo else {}
    if settings.script is not None:
        return _scripted(settings.script, seeds, clock, new_id)
    if settings.demo:
        otp = FixedCode(DEMO_CODE)
        return Agent(DemoEngine(clock, new_id), demo_tools(), otp, documents=seeds)
    if settings.gateway_key is not None or settings.gateway_url is not None:
        engine = _model_engine(settings, clock, new_id, accounts, observer)
        return Agent(engine, documents=seeds, costs=partial(_costs, engine, settings.model))
    return Agent(AbsentEngine(), documents=seeds)


def choose_embedder(settings: Settings) -> Embedder | None:
    """Return what makes vectors of documents and questions; None when words are enough.

    Raises:
        EmbeddingError: what it needs is not installed.
    """
    # Imported when they are wanted: what they use takes longer than all the rest of the server.
    if settings.embeddings == "none":
        return None
    if settings.embeddings == "hashing":
        from .knowledge.hashing import HashingEmbedder

        return HashingEmbedder()
    if settings.embeddings == "minilm":
        from .knowledge.minilm import MiniLmEmbedder, packaged_model

        return MiniLmEmbedder(packaged_model())
    from .knowledge.endpoint import EndpointEmbedder

    return EndpointEmbedder(*gateway(settings), settings.embedding_model)


def choose_reranker(settings: Settings) -> Reranker | None:
    """Return what looks again at what was found; None when once is enough."""
    if settings.rerank == "off":
        return None
    if settings.rerank == "lexical":
        return LexicalReranker()
    from .knowledge.endpoint_rerank import EndpointReranker

    return EndpointReranker(*gateway(settings), settings.rerank_model)


def gateway(settings: Settings) -> tuple[str, str]:
    """Return URL and key of the endpoint."""
    key = settings.gateway_key
    return settings.gateway_url or DEFAULT_GATEWAY, key.get_secret_value() if key else "none"


def _model_engine(
    settings: Settings,
    clock: Clock,
    new_id: Callable[[], str],
    accounts: Accounts,
    observer: Observer,
) -> ModelEngine:
    # Its libraries take as long to import as the rest of the server together.
    from .engine.model import ModelEngine, ModelSettings, read_prices

    url, key = gateway(settings)
    return ModelEngine(
        ModelSettings(
            url=url,
            key=key,
            model=settings.model,
            max_tokens=settings.max_tokens,
            silence_s=settings.model_silence_secs,
            attempts=settings.model_attempts,
            history_chars=settings.history_chars,
        ),
        clock,
        new_id,
        accounts,
        read_prices(settings.prices) if settings.prices else None,
        observer,
    )


def _costs(engine: ModelEngine, model: str) -> dict[str, Any]:
    prices = {name: engine.prices.of(name) for name in (model, *engine.prices.own)}
    return {
        name: {"inputCostPerToken": price.read, "outputCostPerToken": price.written}
        for name, price in prices.items()
        if price is not None
    }


def _scripted(path: Path, seeds: dict[str, str], clock: Clock, new_id: Callable[[], str]) -> Agent:
    script = read_script(path)
    try:
        check_names(script)
    except ScriptError as fault:
        raise ScriptError(f"script {path}: {fault}") from None
    return Agent(
        ScriptEngine(script.model, clock, new_id),
        scripted=tuple(scripted_tools(script.tools)),
        otp=code_of(script),
        confirm_words=script.confirm_tools,
        documents=seeds | {item["source"]: item["content"] for item in script.knowledge},
    )


def check_names(script: Script) -> None:
    """See that no tool of a script bears the name of one that every server has.

    Raises:
        ScriptError: names the JSON Pointer of the first that does.
    """
    for index, tool in enumerate(script.tools):
        if tool["name"] in BUILTIN_NAMES:
            raise ScriptError(f"/tools/{index}/name is a tool of every server")


def code_of(script: Script) -> FixedCode | None:
    """Return what sends and checks the one-time codes of a script."""
    if script.otp is None:
        return None
    return FixedCode(
        script.otp["code"],
        attempts=int(script.otp.get("attempts", 3)),
        channel=script.otp.get("channel", "email"),
        send_fails=script.otp.get("sendFails", False),
    )
