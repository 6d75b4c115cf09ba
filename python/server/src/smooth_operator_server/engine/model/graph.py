"""A workflow as a graph that runs: its nodes that ask a model, and the edges that are taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic_graph import (
    EndMarker,
    Graph,
    GraphBuilder,
    GraphRun,
    GraphTaskRequest,
    StepContext,
)
from pydantic_graph.id_types import NodeID
from pydantic_graph.step import StepFunction

from ...agents.workflow import Node, Workflow

Values = dict[str, Any]
Ask = Callable[[Node], Awaitable[Any]]


def graph_of(workflow: Workflow, ask: Ask) -> Graph:
    """Return the graph; ``ask`` gives the value of a node that asks the model."""
    building = GraphBuilder(
        state_type=Values, deps_type=type(None), input_type=Values, output_type=Values
    )
    steps = {
        name: building.step(call=_step(node, ask), node_id=name)
        for name, node in workflow.nodes.items()
    }
    building.add(building.edge_from(building.start_node).to(steps[workflow.start]))
    for name, step in steps.items():
        edges = workflow.after(name)
        if not edges:
            building.add(building.edge_from(step).to(building.end_node))
            continue
        fork = building.decision(node_id=f"after {name}")
        for edge in edges:
            branch = building.match(object, matches=edge.holds)
            fork = fork.branch(branch.to(steps[edge.target]))
        building.add(building.edge_from(step).to(fork))
    return building.build()


def running(graph: Graph, values: Values) -> AbstractAsyncContextManager[GraphRun]:
    """Return a run of the graph that changes these values."""
    return graph.iter(state=values, deps=None, inputs=values)


async def begin(run: GraphRun, at: str) -> None:
    """Go to a node."""
    tasks = await anext(run)
    assert not isinstance(tasks, EndMarker)
    run.override_next([GraphTaskRequest(NodeID(at), run.state, tasks[0].fork_stack)])


async def follow(run: GraphRun, workflow: Workflow) -> str | None:
    """Run the node that is next, and return the name of the one after it; None at the end."""
    while True:
        tasks = await anext(run)
        if isinstance(tasks, EndMarker):
            return None
        name = str(tasks[0].node_id)
        if name in workflow.nodes:
            return name


def _step(node: Node, ask: Ask) -> StepFunction:
    async def run(ctx: StepContext) -> Values:
        values: Values = ctx.state
        if node.kind == "ask":
            values[node.name] = await ask(node)
        return values

    return run
