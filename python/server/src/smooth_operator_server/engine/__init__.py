"""Who answers: the port to agent engines and the engines of this version."""

from .port import (
    Engine,
    EngineEvent,
    EngineStream,
    EngineTurn,
    Failure,
    Found,
    Preamble,
    Reasoning,
    Said,
    Text,
    ToolCall,
    ToolOffer,
    ToolResult,
    TurnInput,
    Usage,
    words_of,
)

__all__ = [
    "Engine",
    "EngineEvent",
    "EngineStream",
    "EngineTurn",
    "Failure",
    "Found",
    "Preamble",
    "Reasoning",
    "Said",
    "Text",
    "ToolCall",
    "ToolOffer",
    "ToolResult",
    "TurnInput",
    "Usage",
    "words_of",
]
