"""The application: what the server is made of, its routes, and how it drains."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.authentication import AuthenticationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from . import __version__
from .admin import Admin, AgentAdmin, DocumentAdmin, PeopleAdmin, admin_routes
from .agent import SCRIPT_GROUP, Agent, choose_agent, choose_embedder, choose_reranker
from .agents import AgentMaker, AgentRegistry, Budget, read_agents
from .auth import Principal, Role, TokenBackend, Tokens, tokens_of
from .auth.limits import RateLimiter
from .backplane import Backplane, Post
from .backplane.opening import open_backplane
from .clock import Clock, SystemClock
from .engine import Engine
from .engine.script import ScriptEngine
from .files import FileFaultError
from .gateway import Connection, Connections, Dispatcher
from .gateway.dispatch import Handler
from .gateway.publishing import Publisher
from .ids import new_uuid
from .knowledge import Knowledge
from .memory import Memories, memory_tools
from .meter import Meter
from .people import Crowd, People, Presence
from .playground import Playground, open_playground
from .probes import Check, Probes
from .protocol.capabilities import REPLAY, SERVER_CAPABILITIES
from .questions import Answers, OpenQuestions, OtpDesk
from .scripting import ScriptHook
from .sessions import SessionActions, Sessions
from .settings import Settings
from .skills import Skills, read_skills
from .store import ConversationStore, SessionRecord, StoreFullError, Stores
from .store.opening import is_postgres, open_stores
from .telemetry import Observer
from .tools import SCANS, Tool, ToolHook, ToolRegistry
from .tools.builtin import builtin_tools, fetch_url
from .tools.mcp_file import read_mcp
from .turns import Links, TurnIds, Turns, links_of
from .turns.calls import Services
from .turns.ledger import Ledger
from .turns.runner import Runner

if TYPE_CHECKING:
    from .tools.mcp import McpServer

GOING_AWAY = 1001


def _agents(settings: Settings) -> AgentRegistry:
    named = read_agents(settings.agents) if settings.agents else []
    is_open = settings.open_agents if settings.open_agents is not None else not named
    budget = Budget(
        settings.max_iterations,
        settings.turn_tokens,
        settings.turn_cost_usd,
        settings.session_tokens,
        settings.session_cost_usd,
    )
    return AgentRegistry(named, is_open=is_open, budget=budget)


def tokens_for(settings: Settings) -> Tokens | None:
    """Return what proves tokens; None: nobody is asked who they are.

    Raises:
        KeyFaultError: tokens are asked for, and there is no key to prove them with.
    """
    if settings.auth_mode == "none":
        return None
    secret = settings.jwt_hs256_secret
    return tokens_of(
        secret=secret.get_secret_value() if secret else None,
        public_key=settings.jwt_public_key,
        jwks_url=settings.jwt_jwks_url,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )


def _offered(settings: Settings) -> tuple[str, ...]:
    """Return the capability words that sessions are offered."""
    return tuple(word for word in SERVER_CAPABILITIES if settings.replay or word != REPLAY)


def _tools(
    settings: Settings,
    agent: Agent,
    store: ConversationStore,
    knowledge: Knowledge,
    memories: Memories,
    observer: Observer,
) -> ToolRegistry:
    fetching = [fetch_url()] if settings.fetch_tool else []
    own = [*builtin_tools(store, knowledge), *memory_tools(memories)]
    tools = [*own, *fetching, *agent.tools]
    hooks = [*(SCANS[word]() for word in settings.tool_scans), *agent.hooks]
    registry = ToolRegistry(tools, hooks, observer)
    registry.put_group(SCRIPT_GROUP, agent.scripted)
    return registry


def _memories(
    settings: Settings,
    stores: Stores,
    knowledge: Knowledge,
    clock: Clock,
    new_id: Callable[[], str],
) -> Memories:
    alone = settings.auth_mode == "none" and not settings.insecure
    return Memories(
        stores.memories,
        stores.conversations,
        knowledge.embedder,
        clock.epoch_ms,
        new_id,
        one_person=alone,
    )


def _tool_servers(settings: Settings, clock: Clock, tools: ToolRegistry) -> list[McpServer]:
    if settings.mcp is None:
        return []
    specs = read_mcp(settings.mcp, os.environ)
    try:
        from .tools.mcp import McpServer
    except ImportError:
        raise FileFaultError(
            f"tool servers {settings.mcp}: need pip install 'smooth-operator-server[mcp]'"
        ) from None
    return [McpServer(spec, clock, tools.put_group) for spec in specs]


def _knowledge(settings: Settings, stores: Stores, clock: Clock) -> Knowledge:
    embedder, reranker = choose_embedder(settings), choose_reranker(settings)
    return Knowledge(stores.knowledge, embedder, clock.epoch_ms, reranker)


def _questions(
    settings: Settings,
    stores: Stores,
    clock: Clock,
    new_id: Callable[[], str],
    backplane: Backplane,
) -> OpenQuestions:
    look_s = settings.lease_secs if backplane.is_shared else None
    lives_s, owner = settings.question_secs, backplane.node
    return OpenQuestions(stores.questions, clock, new_id, lives_s, owner=owner, look_s=look_s)


def _handlers(
    calls: SessionActions, turns: Turns, links: Links, answers: Answers
) -> dict[str, Handler]:
    return {
        "create_conversation_session": calls.create_conversation_session,
        "send_message": turns.send_message,
        "resume_turn": links.resuming.resume_turn,
        "get_session": calls.get_session,
        "get_conversation_messages": calls.get_conversation_messages,
        "list_conversations": calls.list_conversations,
        "rename_conversation": calls.rename_conversation,
        "confirm_tool_action": answers.confirm_tool_action,
        "verify_otp": answers.verify_otp,
        "submit_interaction": answers.submit_interaction,
        "cancel": turns.cancel,
        "ping": calls.ping,
    }


async def _backplane(settings: Settings, clock: Clock) -> Backplane:
    redis_url, database = settings.redis_url, settings.database
    return await open_backplane(
        redis_url=None if redis_url is None else redis_url.get_secret_value(),
        database_url=database if is_postgres(database) else None,
        clock=clock,
        kept_s=settings.replay_secs,
    )


class Server:
    """A wired server without its listening socket. Use ``build``."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        agent: Agent,
        agents: AgentRegistry,
        skills: Skills,
        knowledge: Knowledge,
        meter: Meter,
        observer: Observer,
        clock: Clock,
        new_id: Callable[[], str],
        backplane: Backplane,
        playground: Playground | None,
    ) -> None:
        self.settings, self.agent, self.playground = settings, agent, playground
        self._draining, self._backend = False, TokenBackend(tokens_for(settings))
        self._stores, self._clock, store = stores, clock, stores.conversations
        self._post = Post(backplane, clock)
        self._maker = AgentMaker(stores.agents, agents, self._post, clock)
        self._questions = _questions(settings, stores, clock, new_id, backplane)
        self._connections, self._presence = Connections(clock), Presence()
        self._crowd = Crowd(stores.people, self._presence, self._post, clock)
        people = People(stores.people, self._crowd, clock, new_id)
        sessions = Sessions(store, agents, clock, new_id, self._presence, _offered(settings))
        otp = OtpDesk(agent.otp, self._questions)
        memory = _memories(settings, stores, knowledge, clock, new_id)
        self.tools = _tools(settings, agent, store, knowledge, memory, observer)
        self.tool_servers = _tool_servers(settings, clock, self.tools)
        words, steps = [*settings.confirm_tools, *agent.confirm_words], settings.max_iterations
        services = Services(self.tools, self._questions, otp, store, people, skills, words, memory)
        self._meter, self._knowledge, turn_ids = meter, knowledge, TurnIds()
        node, lease_s, kept_s = backplane.node, settings.lease_secs, settings.replay_secs
        ledger = Ledger(stores.turns, clock, new_id, owner=node, lease_s=lease_s)
        links = links_of(self._post, ledger, sessions, self._questions, clock, kept_s=kept_s)
        self.turns = Turns(
            agent.engine,
            Runner(agent.engine, agents, knowledge, services, ledger, observer, steps),
            sessions,
            clock,
            new_id,
            turn_ids,
            ledger,
            links,
            people,
            agents,
            skills,
            keepalive_s=settings.keepalive_secs,
            detach_s=settings.detach_secs,
        )
        calls = SessionActions(sessions, store, people, clock, links.resuming.open_turn)
        answers = Answers(sessions, store, self._questions, otp, clock, turn_ids, links.hosting)
        rates = RateLimiter(settings.rate_per_minute, clock.monotonic, backplane)
        handlers, hosting = _handlers(calls, self.turns, links, answers), links.hosting
        self._dispatcher = Dispatcher(
            handlers, sessions, self.turns, hosting, clock, observer, rates
        )
        self._probes = self._probes_of(observer)
        admin = self._admin_routes(agents, people, knowledge, new_id, rates)
        self._routes = [*admin, *self._script_routes(otp, words, knowledge)]

    @classmethod
    async def build(
        cls,
        settings: Settings,
        *,
        clock: Clock | None = None,
        new_id: Callable[[], str] = new_uuid,
        tools: Sequence[Tool] = (),
        hooks: Sequence[ToolHook] = (),
        backplane: Backplane | None = None,
        engine: Engine | None = None,
    ) -> Server:
        """Open the store, read the script, take the documents in.

        ``tools`` are there for every agent, beside those of the script and of every server;
        ``hooks`` stand around each call of any tool, within the scans of the settings.
        ``backplane`` and ``engine`` are what the settings ask for unless they are given.

        Raises:
            AgentFileError: an agent file cannot be used.
            EmbeddingError: what makes vectors is not installed.
            FileFaultError: another file cannot be used.
            KeyFaultError: tokens are asked for, and there is no key to prove them with.
            ScriptError: the script cannot be used.
            SkillFileError: a skill cannot be used.
            StoreUnavailableError: the database cannot be opened.
            BackplaneError: what the servers share does not answer.
        """
        clock = clock or SystemClock()
        agents, skills = _agents(settings), read_skills(settings.skills_dir)
        playground = open_playground(settings, agents.all)
        stores = await open_stores(settings.database)
        meter = Meter(stores.models)
        models = [agent.model for agent in agents.all if agent.model]
        observer = Observer(clock, [settings.model, *models])
        try:
            knowledge = _knowledge(settings, stores, clock)
            agent = choose_agent(settings, clock, new_id, meter, observer)
            agent = replace(agent, engine=engine or agent.engine)
            agent.tools.extend(tools)
            agent.hooks.extend(hooks)
            for source, content in agent.documents.items():
                await knowledge.add(source, content)
            backplane = backplane or await _backplane(settings, clock)
        except BaseException:
            await stores.close()
            raise
        return cls(
            settings,
            stores,
            agent,
            agents,
            skills,
            knowledge,
            meter,
            observer,
            clock,
            new_id,
            backplane,
            playground,
        )

    def application(self) -> Starlette:
        """Return the ASGI application."""
        page = self.playground.routes() if self.playground else []
        probes = self._probes.routes()
        routes = [WebSocketRoute("/ws", self._socket), *probes, *self._routes, *page]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Start and drain with the host, whichever ASGI server that is."""
        await self.start()
        try:
            yield
        finally:
            await self.drain()

    async def start(self) -> None:
        """Listen to other servers, and take up what one left that is gone.

        Raises:
            BackplaneError: what the servers share does not answer.
            StoreError: the store does not answer.
        """
        await self._post.start()
        await self._maker.load()
        await asyncio.gather(*(server.start() for server in self.tool_servers))
        await self.turns.start()

    @property
    def sockets(self) -> tuple[Connection, ...]:
        """The sockets that are open now."""
        return self._connections.open

    @property
    def running_turns(self) -> int:
        """How many turns run now, with and without a socket."""
        return len(self.turns)

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return a session as it is stored."""
        return await self._stores.conversations.session(session_id)

    async def drain(self) -> None:
        """End in order: no new actions, questions denied, turns finished, sockets closed.

        A second call changes nothing.
        """
        if self._draining:
            return
        self._draining = True
        self._connections.stop_reading()
        self._questions.drain()
        await self.turns.drain(self.settings.drain_secs)
        await self._connections.close(GOING_AWAY, "server draining")

    async def aclose(self) -> None:
        """Close the engine and the stores. Call it after ``drain``."""
        await self._crowd.aclose()
        await self._post.aclose()
        await asyncio.gather(*(server.aclose() for server in self.tool_servers))
        await self.agent.engine.aclose()
        await self._meter.flush()
        await self._knowledge.aclose()
        await self._stores.close()

    async def _socket(self, socket: WebSocket) -> None:
        if self._draining:
            await socket.send_denial_response(Response("server draining", status_code=503))
            return
        try:
            _, principal = await self._backend.authenticate(socket)
        except AuthenticationError as refused:
            await socket.send_denial_response(Response(str(refused), status_code=401))
            return
        connection = Connection(
            socket, principal, self._dispatcher, self._clock, self.settings.slow_reader_secs
        )
        self._presence.came(connection)
        try:
            await self._connections.serve(connection)
        finally:
            self._presence.went(connection)
            self.turns.detach(connection)

    async def _principal(self, request: Request) -> Principal:
        """Return who asks.

        Raises:
            HTTPException: 401, the token is missing or proves nothing.
        """
        try:
            _, principal = await self._backend.authenticate(request)
        except AuthenticationError as refused:
            raise HTTPException(401, str(refused)) from None
        return principal

    def _admin_routes(
        self,
        agents: AgentRegistry,
        people: People,
        knowledge: Knowledge,
        new_id: Callable[[], str],
        limiter: RateLimiter,
    ) -> list[Route]:
        files, clock = self.settings.connector_files, self._clock
        costs = self.agent.costs
        publish = Publisher(lambda: self.sockets, self._presence, self._post).publish
        admin = Admin(
            self._stores,
            PeopleAdmin(people, self._stores.people),
            AgentAdmin(agents, self._maker),
            DocumentAdmin(knowledge, self._stores.models),
            knowledge,
            clock,
            new_id,
            costs,
            publish,
            files,
            self.settings.github_api,
        )
        return admin_routes(admin, self._admin_principal, limiter, __version__)

    def _script_routes(self, otp: OtpDesk, words: list[str], knowledge: Knowledge) -> list[Route]:
        engine = self.agent.engine
        if not isinstance(engine, ScriptEngine):
            return []
        fixed, principal = self.settings.confirm_tools, self._admin_principal
        return [ScriptHook(engine, self.tools, otp, words, fixed, knowledge, principal).route()]

    async def _admin_principal(self, request: Request) -> Principal:
        """Return who asks; where nobody is asked who they are, the one person is the admin.

        A page of another site that this person looks at is not: browsers say where they are.

        Raises:
            HTTPException: 401, as above, or there is no one person.
        """
        principal = await self._principal(request)
        if principal.is_authenticated:
            return principal
        if self.settings.insecure or "origin" in request.headers:
            raise HTTPException(401, "the admin REST needs tokens here")
        return replace(principal, role=Role.ADMIN)

    def _probes_of(self, observer: Observer) -> Probes:
        observer.figures.watch(lambda: len(self.sockets), lambda: self.running_turns)
        return Probes({"store": self._check_store}, self._checks, observer, self._principal)

    async def _check_store(self) -> str | None:
        try:
            await self._stores.ping()
        except StoreFullError:
            return "full"
        return "draining" if self._draining else None

    def _checks(self) -> dict[str, Check]:
        async def model() -> str | None:
            return self.agent.engine.unavailable()

        def tools(server: McpServer) -> Check:
            async def check() -> str | None:
                return None if server.is_there else "away"

            return check

        async def backplane() -> str | None:
            await self._post.backplane.kept("nobody's")
            return None

        others = {"backplane": backplane} if self._post.backplane.is_shared else {}
        return (
            {"model": model}
            | others
            | {f"tools/{one.name}": tools(one) for one in self.tool_servers}
        )
