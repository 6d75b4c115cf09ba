"""The ports of the stores. SQLite and PostgreSQL implement each.

A method is one transaction: done completely or not at all. Each may raise ``StoreError`` when the
database fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..accounts import Spent, Summary, UsageRecord
from ..auth.principal import Scope
from .agents import AgentRecord, OrgSettings
from .connectors import ConnectorRecord, RunRecord
from .knowledge_records import DocumentRecord, NewDocument, Passage, Reading
from .memories import MemoryRecord, NewMemory, Person
from .people_records import Attendance, ConversationRecord, NewPerson, ParticipantRecord
from .records import (
    ConversationSummary,
    MessageRecord,
    NewMessage,
    NewSession,
    Page,
    SessionRecord,
)
from .turn_records import (
    CallRecord,
    Ended,
    Lease,
    NewCall,
    NewEvents,
    NewQuestion,
    NewTurn,
    QuestionRecord,
    Refused,
    TurnRecord,
    TurnState,
)


class StoreError(Exception):
    """Reading or writing failed; the text names the fault, never stored data."""


class StoreFullError(StoreError):
    """There is no room left to write."""


class StoreUnavailableError(StoreError):
    """The store could not be opened; the text says which one and why."""


class LeaseLostError(StoreError):
    """Another server runs the turn: it took this one for gone."""


class UnknownCursorError(Exception):
    """The cursor was not made for this list."""


class ConversationStore(Protocol):
    """Conversations, who takes part in them, the sessions on them, and what was said."""

    async def open_session(self, new: NewSession) -> SessionRecord:
        """Store a session, its participants and, unless it resumes one, its conversation."""
        ...

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return a session, or None when it is unknown."""
        ...

    async def update_session(self, session_id: str, changes: Mapping[str, Any]) -> None:
        """Change ``user_name``, ``user_email``, ``user_phone``, ``verified`` or
        ``conversational``; members that are not named stay."""
        ...

    async def add_message(self, new: NewMessage) -> None:
        """Store a message and count it to its conversation."""
        ...

    async def messages(
        self, conversation_id: str, limit: int, cursor: str | None
    ) -> Page[MessageRecord]:
        """Return a page of messages, newest first.

        Raises:
            UnknownCursorError: the cursor names no message of the conversation.
        """
        ...

    async def conversations(
        self, scope: Scope, limit: int, cursor: str | None, query: str | None = None
    ) -> Page[ConversationSummary]:
        """Return a page of the conversations in scope that have messages, newest first.

        With ``query`` only those whose title, or first words without one, hold it in any case.

        Raises:
            UnknownCursorError: the cursor was not made by this list.
        """
        ...

    async def is_in_scope(self, scope: Scope, conversation_id: str) -> bool:
        """Tell whether there is such a conversation in scope."""
        ...

    async def rename_conversation(self, scope: Scope, conversation_id: str, title: str) -> bool:
        """Set the title; False when there is no such conversation in scope."""
        ...


class TurnStore(Protocol):
    """Turns, their steps and tool calls, who runs them, and which requestIds were accepted.

    What is stored of a running turn names its ``owner``: one that was taken for gone and is not
    gets ``LeaseLostError``, and nothing is stored. None is whoever runs it.
    """

    async def begin(self, new: NewTurn) -> TurnRecord | Refused:
        """Store a turn with its message, unless the conversation runs one or has had it.

        The record is the new turn's, or the one that the same message with the same requestId
        began before; their ids tell which.
        """
        ...

    async def look_up(
        self, conversation_id: str, request_id: str, holder: str
    ) -> TurnRecord | None:
        """Return the turn of a requestId.

        None is a promise, stored with the look: from now on the id is accepted from ``holder``
        alone.
        """
        ...

    async def running(self, conversation_id: str) -> TurnRecord | None:
        """Return the turn that a conversation runs."""
        ...

    async def named(self, conversation_id: str, request_id: str) -> TurnRecord | None:
        """Return the turn of a requestId; nothing is promised without one."""
        ...

    async def turn(self, turn_id: str) -> TurnRecord | None:
        """Return a turn by the server's own id."""
        ...

    async def save(
        self,
        turn_id: str,
        step: int,
        saved: bytes,
        events: NewEvents | None = None,
        *,
        owner: str | None = None,
    ) -> None:
        """Store what the engine goes on from after ``step`` steps, with the events up to there."""
        ...

    async def keep(self, turn_id: str, events: NewEvents, *, owner: str | None = None) -> None:
        """Store events of a turn that has an open question."""
        ...

    async def spoil(self, turn_id: str, seq: int, *, owner: str | None = None) -> None:
        """Note that an event goes out that is not stored yet; ``seq`` is its number."""
        ...

    async def events(self, turn_id: str) -> NewEvents | None:
        """Return the stored events of a turn; None when others went out after them."""
        ...

    async def start_call(self, new: NewCall, *, owner: str | None = None) -> None:
        """Note that a tool is about to run; what was known of the call is replaced.

        With ``owner`` the turn must not have ended.
        """
        ...

    async def end_call(
        self,
        turn_id: str,
        call_id: str,
        result: Any,
        *,
        is_error: bool,
        now: int,
        owner: str | None = None,
    ) -> None:
        """Store what a tool call gave."""
        ...

    async def calls(self, turn_id: str, step: int) -> tuple[CallRecord, ...]:
        """Return the tool calls of a step that were started."""
        ...

    async def settle(
        self,
        turn_id: str,
        state: TurnState,
        *,
        now: int,
        terminal: str | None = None,
        answer: NewMessage | None = None,
        owner: str | None = None,
    ) -> Ended | None:
        """End a turn, with its answer, and close its questions; None when it has ended before."""
        ...

    async def renew(self, owner: str, until: int) -> None:
        """Keep the turns that ``owner`` runs."""
        ...

    async def take_over(self, lease: Lease, now: int) -> tuple[TurnRecord, ...]:
        """Take the running turns of others whose lease is over.

        A server that was too busy to renew its own still runs them: it would run them twice.
        """
        ...


class QuestionStore(Protocol):
    """Questions to humans: at most one open of each kind in a session; the first answer wins."""

    async def ask(self, new: NewQuestion, *, owner: str | None = None) -> None:
        """Store an open question, in place of an open one of its kind."""
        ...

    async def latest(self, session_id: str, kind: str) -> QuestionRecord | None:
        """Return the question of a kind that was asked last, open or not."""
        ...

    async def question(self, question_id: str) -> QuestionRecord | None:
        """Return a question, open or not."""
        ...

    async def of_turn(self, turn_id: str) -> tuple[QuestionRecord, ...]:
        """Return the questions that a turn asked, oldest first."""
        ...

    async def claim(self, question_id: str, answer: Any, now: int) -> bool:
        """Answer an open question; False when somebody else was first, or it is closed."""
        ...

    async def count_try(self, question_id: str) -> int | None:
        """Count a wrong code; return the tries that are left, None when it is not open."""
        ...

    async def close_question(self, question_id: str, *, owner: str | None = None) -> bool:
        """Close a question without an answer; False when it is not open, or its turn another's."""
        ...


class PeopleStore(Protocol):
    """The people in conversations beside their owners, and who of them answers for the agent."""

    async def join(
        self, scope: Scope, conversation_id: str, person: NewPerson, *, takes_over: bool = False
    ) -> ParticipantRecord | None:
        """Let a person in, or in again, and have them take the word when they want it.

        None when there is no such conversation in scope. Once it is done no turn is begun that the
        agent would answer.

        Raises:
            HeldError: somebody else has the word; nothing is stored.
        """
        ...

    async def leave(
        self, scope: Scope, conversation_id: str, identity: str, now: int
    ) -> ParticipantRecord | None:
        """Let a person go, who then has the word no more; None when they are not there."""
        ...

    async def hand_back(
        self, scope: Scope, conversation_id: str, identity: str | None
    ) -> ParticipantRecord | None:
        """Take the word from a person, or from whoever has it; None when nobody has.

        Raises:
            HeldError: somebody else has it; nothing is stored.
        """
        ...

    async def say(self, new: NewMessage) -> ParticipantRecord | None:
        """Store the message of a person; None, and nothing, when they are not there.

        It is the answer to the newest message that was passed on and is not answered.
        """
        ...

    async def participants(self, conversation_id: str) -> tuple[ParticipantRecord, ...]:
        """Return who takes part, first come first."""
        ...

    async def conversation(self, scope: Scope, conversation_id: str) -> ConversationRecord | None:
        """Return a conversation in scope."""
        ...

    async def attendance(self, conversation_id: str) -> Attendance | None:
        """Return who has to hear what is said; None when nobody is there beside the owner."""
        ...


class ModelStore(Protocol):
    """What models have cost, and conversations that became too long to be told whole."""

    async def spend(self, session_id: str, spent: Spent) -> None:
        """Add to what a session has spent."""
        ...

    async def spent(self, session_id: str) -> Spent:
        """Return what a session has spent so far."""
        ...

    async def usage(self, org: str) -> UsageRecord:
        """Return what an organisation has used so far."""
        ...

    async def keep_summary(self, conversation_id: str, summary: Summary) -> None:
        """Store the summary of a conversation in place of an older one."""
        ...

    async def summary(self, conversation_id: str) -> Summary | None:
        """Return the summary of a conversation, when there is one."""
        ...


class AgentStore(Protocol):
    """The agents that organisations made for themselves, and what holds for all of an org's."""

    async def all(self) -> tuple[AgentRecord, ...]:
        """Return the agents of all organisations, oldest first."""
        ...

    async def add(self, record: AgentRecord, now: int) -> bool:
        """Store a new agent; False, and nothing, when the organisation has one of this id."""
        ...

    async def put(self, record: AgentRecord, now: int) -> None:
        """Store an agent in place of the one of its id."""
        ...

    async def remove(self, org: str, agent_id: str) -> bool:
        """Forget an agent; False when the organisation has none of this id."""
        ...

    async def all_settings(self) -> tuple[OrgSettings, ...]:
        """Return the settings of all organisations that have some."""
        ...

    async def put_settings(self, settings: OrgSettings) -> None:
        """Store the settings of an organisation in place of what they were."""
        ...


class ConnectorStore(Protocol):
    """Where an organisation's documents are taken from by request, and what came of it."""

    async def put(self, record: ConnectorRecord) -> None:
        """Store a connector in place of the one of its id."""
        ...

    async def all(self, org: str) -> tuple[ConnectorRecord, ...]:
        """Return the connectors of an organisation, oldest first."""
        ...

    async def find(self, org: str, connector_id: str) -> ConnectorRecord | None:
        """Return a connector of an organisation."""
        ...

    async def remove(self, org: str, connector_id: str) -> bool:
        """Forget a connector; False when the organisation has none of this id."""
        ...

    async def add_run(self, run: RunRecord) -> None:
        """Store what came of a run."""
        ...

    async def runs(self, org: str, limit: int) -> tuple[RunRecord, ...]:
        """Return the runs of an organisation, newest first."""
        ...


class MemoryStore(Protocol):
    """What agents remember of people, and what people have agreed to."""

    async def add(self, person: Person, new: NewMemory) -> None:
        """Store a memory; where there are too many, the one that was needed least goes."""
        ...

    async def all(self, person: Person) -> tuple[MemoryRecord, ...]:
        """Return what an agent remembers of a person, oldest first."""
        ...

    async def use(self, memory_ids: Collection[str], now: int) -> None:
        """Count memories as needed."""
        ...

    async def forget(self, person: Person, memory_ids: Collection[str]) -> int:
        """Delete memories of a person; return how many there were."""
        ...

    async def forget_all(self, org: str, person: str, agent: str | None = None) -> int:
        """Delete all memories of a person, and their agreement; of one agent, or of all."""
        ...

    async def agree(self, person: Person, now: int) -> None:
        """Take note that conversations may be remembered; an earlier note stays."""
        ...

    async def agreed_ms(self, person: Person) -> int | None:
        """Return since when conversations may be remembered; None when they may not."""
        ...

    async def untold(self, person: Person, current: str, least: int, since: int) -> str | None:
        """Return the newest conversation of the person and the agent that has no memory yet.

        It began at ``since`` or later, has ``least`` messages or more, and is not ``current``.
        """
        ...


class KnowledgeIndex(Protocol):
    """Documents in pieces, and what is found in them. Who may read is asked before ranking."""

    async def put_document(self, new: NewDocument) -> None:
        """Store a document in place of what was known under its id."""
        ...

    async def fingerprint(self, document_id: str) -> str | None:
        """Return the fingerprint of a document; None when there is none of this id."""
        ...

    async def remove_documents(self, document_ids: Collection[str]) -> None:
        """Forget documents; ids that are not known are passed over."""
        ...

    async def document_ids(self, org: str, origin: str) -> frozenset[str]:
        """Return the documents of one organisation that came from one origin."""
        ...

    async def sets(self, org: str) -> tuple[tuple[str, int], ...]:
        """Return the sets of documents that an organisation has, each with their number."""
        ...

    async def documents(
        self, org: str, set_name: str | None, limit: int, cursor: str | None
    ) -> Page[DocumentRecord]:
        """Return a page of the documents of an organisation and of none, newest first.

        Raises:
            UnknownCursorError: the cursor was not made by this list.
        """
        ...

    async def document(self, org: str, document_id: str) -> DocumentRecord | None:
        """Return a document of an organisation, or of none, with its readers."""
        ...

    async def by_words(
        self, words: Sequence[str], reading: Reading, limit: int
    ) -> tuple[Passage, ...]:
        """Return the passages that hold at least one of the words: most different words
        first, then the better ranked."""
        ...

    async def by_vector(
        self, vector: bytes, embedder: str, reading: Reading, limit: int
    ) -> tuple[Passage, ...]:
        """Return the passages whose vectors are most like this one, of the same embedder."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a server, in one database; ``ping`` writes and raises ``StoreError`` when that
    cannot be done, and ``close`` ends its connections.
    """

    conversations: ConversationStore
    turns: TurnStore
    questions: QuestionStore
    knowledge: KnowledgeIndex
    models: ModelStore
    people: PeopleStore
    connectors: ConnectorStore
    agents: AgentStore
    memories: MemoryStore
    ping: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
