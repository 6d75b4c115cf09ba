"""The figures of a server for Prometheus.

What people can choose never becomes the value of a label: names are those that the server knows.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
OTHER = "other"


class Figures:
    """One set of figures, of one server: two in a process do not mix."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.sockets = Gauge("smooth_sockets", "Open sockets.", registry=registry)
        self.turns_running = Gauge("smooth_turns_running", "Turns at work.", registry=registry)
        self.turns = Counter(
            "smooth_turns", "Turns that have ended, by how.", ["outcome"], registry=registry
        )
        self.turn_seconds = Histogram(
            "smooth_turn_seconds",
            "From the 202 to the end of a turn, waiting for people included.",
            buckets=LONG,
            registry=registry,
        )
        self.first_word_seconds = Histogram(
            "smooth_first_word_seconds",
            "From the call of a model to the first word of its answer.",
            buckets=LONG,
            registry=registry,
        )
        self.refusals = Counter(
            "smooth_refusals", "Actions that were refused, by code.", ["code"], registry=registry
        )
        self.calls = Counter(
            "smooth_model_calls", "Calls to models.", ["model", "outcome"], registry=registry
        )
        self.call_seconds = Histogram(
            "smooth_model_call_seconds",
            "Length of calls to models.",
            ["model"],
            buckets=LONG,
            registry=registry,
        )
        self.tokens = Counter(
            "smooth_model_tokens", "Tokens, read and written.", ["model", "kind"], registry=registry
        )
        self.cost = Counter(
            "smooth_model_cost_usd",
            "US dollars, by list prices.",
            ["model"],
            registry=registry,
        )
        self.tools = Counter(
            "smooth_tool_calls", "Calls of tools.", ["tool", "outcome"], registry=registry
        )
        self.tool_seconds = Histogram(
            "smooth_tool_seconds", "Length of calls of tools.", buckets=SHORT, registry=registry
        )

    def watch(self, sockets: Callable[[], int], turns: Callable[[], int]) -> None:
        """Have the open sockets and running turns counted when they are asked for."""
        self.sockets.set_function(sockets)
        self.turns_running.set_function(turns)

    def text(self) -> bytes:
        """Return all figures in the text form of Prometheus."""
        return generate_latest(self._registry)
