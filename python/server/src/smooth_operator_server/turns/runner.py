"""Runs turns: each to its terminal event, from its message or from where another server left it."""

from __future__ import annotations

from ..agents import AgentRegistry, AgentSpec
from ..engine import Engine
from ..knowledge import Knowledge
from ..people import party
from ..protocol import frames
from ..protocol.frames import Frame
from ..protocol.json_text import write_json
from ..protocol.refusals import Code
from ..store import LeaseLostError, TurnRecord, TurnState
from ..telemetry import Observer, log, where
from .calls import Services
from .checkpoint import Progress
from .ledger import Ledger
from .loop import EngineError, Loop
from .starts import Starts
from .turn import Turn


class Runner:
    """Runs turns for one engine."""

    def __init__(
        self,
        engine: Engine,
        agents: AgentRegistry,
        knowledge: Knowledge,
        services: Services,
        ledger: Ledger,
        observer: Observer,
        max_iterations: int,
    ) -> None:
        self._engine = engine
        self._agents = agents
        self._knowledge = knowledge
        self._services = services
        self._ledger = ledger
        self._observer = observer
        self._max_iterations = max_iterations
        self.starts = Starts()

    async def run(self, turn: Turn, record: TurnRecord, progress: Progress) -> None:
        """Run a turn to its terminal event. Cancellation leaves the settling to the canceller."""
        # The agent of an old session may be gone from the files: what is left is its name.
        agent = self._agents.find(turn.session.agent_id, turn.session.org) or AgentSpec(
            turn.session.agent_id
        )
        loop = Loop(
            turn,
            agent,
            record.message_id,
            progress,
            self._services,
            self._knowledge,
            self._ledger,
            self.starts,
        )
        steps = min(agent.budget.steps or self._max_iterations, self._max_iterations)
        with self._observer.turn(agent.id, agent.name, turn.session.conversation_id) as watch:
            try:
                # Nothing is waited for between the 202 and the engine: whoever cancels on the 202
                # always finds the engine at work, and a script at the same place.
                await turn.accept()
                if record.is_held:
                    await self._pass_on(turn, record)
                else:
                    await loop.run(self._engine, record.step, steps)
                watch.outcome = "completed"
            except EngineError as fault:
                await self.fail(turn, Code.AGENT_ERROR, str(fault))
            except LeaseLostError:
                log.error("turn lost to another server", request_id=turn.request_id)
                turn.abandon()
            except Exception as fault:
                log.error("turn failed", request_id=turn.request_id, **where(fault))
                await self.fail(turn, Code.INTERNAL_ERROR, "the turn failed inside the server")

    async def _pass_on(self, turn: Turn, record: TurnRecord) -> None:
        """End a turn whose message a person answers: by writing, whenever they do."""
        turn.finishing()
        attendance = await self._services.people.attendance(record.conversation_id)
        holder = attendance and attendance.held_by
        passed: Frame = {"type": "passed_on"} | ({"to": party(holder)} if holder else {})
        terminal = frames.eventual_response(
            turn.request_id,
            turn.now(),
            message_id=record.message_id,
            text="",
            usage=None,
            citations=(),
            directive=passed,
        )
        written = write_json(terminal)
        await self._ledger.end(turn, TurnState.COMPLETED, written)
        turn.settle(written)

    async def open_for(self, turn: Turn) -> float | None:
        """Return for how many seconds more a question of the turn is open; None without one."""
        return await self._services.questions.open_for(turn.turn_id)

    async def fail(self, turn: Turn, code: Code, message: str) -> None:
        """End a turn with an ``error``."""
        turn.finishing()
        await self._ledger.give_up(turn, TurnState.FAILED, failed(turn, code, message))


def failed(turn: Turn, code: Code, message: str) -> Frame:
    """Return the ``error`` that ends a turn."""
    terminal = True if turn.extended else None
    return frames.error(turn.request_id, turn.now(), code, message, terminal=terminal)
