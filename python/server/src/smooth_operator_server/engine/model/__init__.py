"""A real model behind any endpoint that speaks OpenAI's chat completions."""

from .engine import ModelEngine
from .prices import read_prices
from .settings import ModelSettings

__all__ = ["ModelEngine", "ModelSettings", "read_prices"]
