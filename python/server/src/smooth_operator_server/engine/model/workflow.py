"""An agent that walks through a graph: typed answers of the model, tools, choices of the person.

The graph runs inside a step of the turn until a node needs somebody else: the runner for a tool or
a person, or the person for the answer. Where it is, and what it knows, is what is saved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ...agents.workflow import MESSAGE, Node, answer_checks, filled, shown
from ..port import EngineEvent, EngineStream, Failure, Reached, ToolCall, ToolResult, TurnInput
from .graph import Values, begin, follow, graph_of, running
from .messages import disclosed, enclosed
from .turn import ModelTurn

if TYPE_CHECKING:
    from .engine import ModelEngine

ANSWER_TOKENS = 1000
"""Longest answer of the model to a node."""

TRIES = 2
"""How often a node is asked when what it answers does not fit."""

MOST_NODES = 50
"""Nodes that are run in one turn; a graph may have circles."""

CHOOSE = "request_choices"
HEADER = "Choice"

_ONE_OF = "\n\nAnswer with one of these, and nothing else: {choices}"
_JSON = "\n\nAnswer with JSON that fits this schema, and nothing else: {schema}"
_WRONG = "\n\nYour last answer did not fit: {fault}"


class _GaveUpError(Exception):
    """A node got no answer that fits."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class WorkflowTurn:
    """A turn of the model engine that follows a graph."""

    def __init__(self, engine: ModelEngine, turn: TurnInput, kept: bytes | None) -> None:
        assert turn.agent.workflow is not None
        self._workflow = turn.agent.workflow
        self._engine = engine
        self._values: Values = {MESSAGE: turn.message}
        self._at = self._workflow.start
        self._nodes = 0
        self._is_answering = False
        self._events: list[EngineEvent] = []
        inner = None
        if kept:
            value, inner = disclosed(kept)
            self._values, self._at = value["values"], value["at"]
            self._nodes, self._is_answering = value["nodes"], value["isAnswering"]
        self._inner = ModelTurn(engine, turn, inner)
        self._graph = graph_of(self._workflow, self._ask)

    def save(self) -> bytes:
        kept = {
            "values": self._values,
            "at": self._at,
            "nodes": self._nodes,
            "isAnswering": self._is_answering,
        }
        return enclosed(self._inner.save(), kept)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        async for usage in self._inner.open():
            yield usage
        if not self._is_answering:
            async with aclosing(self._walk(results)) as walking:
                async for event in walking:
                    yield event
            if self._workflow.nodes[self._at].kind != "say":
                return
            results = ()
        async with aclosing(self._inner.step(results)) as saying:
            async for event in saying:
                yield event

    async def _walk(self, results: Sequence[ToolResult]) -> EngineStream:
        """Go on to the answer, or to the next node that somebody else has to do.

        Each node that is done is kept: whoever takes the turn up asks none of them again.
        """
        if results:
            (result,) = results
            self._take(self._workflow.nodes[self._at], result)
            await self._go_on()
        is_begun = self._nodes > 0
        while True:
            node = self._workflow.nodes[self._at]
            if node.kind in ("tool", "person"):
                yield self._call(node)  # what waits for others is kept by whoever runs the turn
                return
            if node.kind == "say":
                self._inner.tell(self._text(node))
                self._is_answering = True
            if is_begun:
                yield Reached()
            if self._is_answering:
                return
            if self._nodes >= MOST_NODES:
                yield Failure(f"the workflow went through more than {MOST_NODES} nodes")
                return
            try:
                await self._go_on()
            except _GaveUpError as fault:
                self._events.append(fault.failure)
            for event in self._events:
                yield event
            if any(isinstance(event, Failure) for event in self._events):
                return
            self._events.clear()
            is_begun = True

    async def _go_on(self) -> None:
        """Do the node that is next, and go to the one after it."""
        async with running(self._graph, self._values) as run:
            await begin(run, self._at)
            self._nodes += 1
            name = await follow(run, self._workflow)
        assert name is not None  # a graph ends with an answer
        self._at = name

    def _call(self, node: Node) -> ToolCall:
        call_id = self._engine.new_id()
        if node.kind == "tool":
            return ToolCall(call_id, node.text, filled(node.arguments, self._values))
        options = [shown(filled(option, self._values)) for option in node.choices]
        question = {"question": self._text(node), "header": HEADER, "options": options}
        return ToolCall(call_id, CHOOSE, {"questions": [question]})

    def _take(self, node: Node, result: ToolResult) -> None:
        """Keep what a tool gave or a person chose; None is what failed or was not answered."""
        value = None if result.is_error else result.result
        self._values[node.name] = _chosen(value) if node.kind == "person" else value

    async def _ask(self, node: Node) -> Any:
        """Ask the model; once more when what it says does not fit."""
        prompt = self._text(node)
        if node.choices:
            prompt += _ONE_OF.format(choices=json.dumps(node.choices, ensure_ascii=False))
        if node.schema is not None:
            prompt += _JSON.format(schema=json.dumps(node.schema, ensure_ascii=False))
        fault = ""
        for _ in range(TRIES):
            told = prompt + (_WRONG.format(fault=fault) if fault else "")
            answer = await self._inner.aside(told, ANSWER_TOKENS)
            if isinstance(answer, Failure):
                raise _GaveUpError(answer)
            said, usage = answer
            self._events.append(usage)
            try:
                return _typed(node, said)
            except ValueError as wrong:
                fault = str(wrong)
        raise _GaveUpError(Failure(f"the model gave the node {node.name} no answer that fits"))

    def _text(self, node: Node) -> str:
        return shown(filled(node.text, self._values))


def _typed(node: Node, said: str) -> Any:
    """Return the answer of a node as what it has to be.

    Raises:
        ValueError: it is something else; the text is for the model.
    """
    if node.choices:
        plain = said.strip().strip(".\"'").casefold()
        for choice in node.choices:
            if choice.casefold() == plain:
                return choice
        raise ValueError("it is none of the choices")
    if node.schema is None:
        return said
    text = said.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    value = json.loads(text)
    wrong = next(answer_checks(node.schema).iter_errors(value), None)
    if wrong is not None:
        raise ValueError(wrong.message)
    return value


def _chosen(result: Any) -> str | None:
    """Return what the person chose, or wrote instead."""
    if not isinstance(result, dict) or result.get("status") != "submitted":
        return None
    (answer,) = result["values"]["answers"]
    chosen: str | None = answer["options"][0] if answer.get("options") else answer.get("other")
    return chosen
