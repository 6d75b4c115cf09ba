"""A span of OpenTelemetry for each turn, by the conventions for generative AI (extra ``[otel]``).

    client = SmoothAgentClient(url, observer=TurnSpans())

Name, attributes and events are those of conformance/TELEMETRY.md, the same in five languages. No
text of a message, no code, no token and no address query is in a span.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

try:
    from opentelemetry import trace
except ImportError:
    raise ImportError(
        "smooth_operator.otel needs its extra: pip install 'smooth-operator[otel]'"
    ) from None

from ._errors import SmoothAgentError
from ._observer import Observer, TurnFacts

_SESSIONS_KEPT = 1024
_OPERATION = "invoke_agent"


class TurnSpans(Observer):
    """Makes a span of each turn of a client, from ``send`` to the outcome.

    Its parent is the span that is current where ``send`` is called. Give each client its own.

    Args:
        provider: what makes the tracer; the global one by default.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        from . import __version__

        self._tracer = trace.get_tracer("smooth-operator", __version__, provider)
        self._spans: dict[str, trace.Span] = {}
        self._sessions: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._server: dict[str, Any] = {}

    def attempt(self, host: str, error: Exception | None) -> None:  # noqa: ARG002
        """Keep where the server is."""
        address, colon, port = host.rpartition(":")
        if colon and port.isdecimal():
            self._server = {"server.address": address.strip("[]"), "server.port": int(port)}
        else:
            self._server = {"server.address": host.strip("[]")}

    def session_known(
        self,
        session_id: str,
        conversation_id: str,
        agent_id: str | None,
        agent_name: str | None,
    ) -> None:
        """Keep whose session it is."""
        facts = {
            "gen_ai.conversation.id": conversation_id,
            "gen_ai.agent.id": agent_id,
            "gen_ai.agent.name": agent_name,
        }
        known = self._sessions.pop(session_id, {})
        self._sessions[session_id] = known | {k: v for k, v in facts.items() if v is not None}
        if len(self._sessions) > _SESSIONS_KEPT:
            self._sessions.popitem(last=False)

    def turn_started(self, request_id: str, session_id: str) -> None:
        """Begin the span."""
        session = self._sessions.get(session_id, {})
        agent = session.get("gen_ai.agent.name")
        self._spans[request_id] = self._tracer.start_span(
            f"{_OPERATION} {agent}" if agent else _OPERATION,
            kind=trace.SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": _OPERATION,
                "gen_ai.provider.name": "smooth-operator",
                "smooth_operator.request.id": request_id,
                "smooth_operator.session.id": session_id,
                **session,
            },
        )

    def turn_renamed(self, request_id: str, new_request_id: str) -> None:
        """Go on with the span under another id."""
        if request_id in self._spans:
            self._spans[new_request_id] = self._spans.pop(request_id)

    def first_token(self, request_id: str) -> None:
        """Note when the first piece of text came."""
        self._event(request_id, "smooth_operator.first_token", {})

    def question(
        self, request_id: str, kind: Literal["confirmation", "otp", "interaction"]
    ) -> None:
        """Note that a human is asked."""
        told = {"smooth_operator.question.kind": kind}
        self._event(request_id, "smooth_operator.question", told)

    def turn_measured(self, request_id: str, facts: TurnFacts) -> None:
        """Note what is known of the turn."""
        span = self._spans.get(request_id)
        told = {
            "gen_ai.request.model": facts.model,
            "gen_ai.response.id": facts.message_id,
            "gen_ai.usage.input_tokens": facts.input_tokens,
            "gen_ai.usage.output_tokens": facts.output_tokens,
            "smooth_operator.time_to_first_token": facts.time_to_first_token,
            **self._server,
        }
        if span is not None:
            span.set_attributes({k: v for k, v in told.items() if v is not None})

    def turn_settled(
        self,
        request_id: str,
        outcome: Literal["completed", "cancelled", "failed"],
        error: Exception | None,
    ) -> None:
        """End the span."""
        span = self._spans.pop(request_id, None)
        if span is None:
            return
        span.set_attribute("smooth_operator.outcome", outcome)
        if outcome == "failed":
            kind = error.kind if isinstance(error, SmoothAgentError) else type(error).__name__
            span.set_attribute("error.type", kind)
            span.set_status(trace.StatusCode.ERROR)
        span.end()

    def _event(self, request_id: str, name: str, attributes: Mapping[str, str]) -> None:
        span = self._spans.get(request_id)
        if span is not None:
            span.add_event(name, attributes)
