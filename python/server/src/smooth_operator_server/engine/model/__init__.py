"""A real model behind any endpoint that speaks OpenAI's chat completions."""

from .engine import ModelEngine
from .settings import ModelSettings

__all__ = ["ModelEngine", "ModelSettings"]
