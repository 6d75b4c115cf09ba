// Actions with one answer that begin no turn.
import { type Action, Refusal } from './checks';
import { type Frame, pong, response } from './frames';
import type { Hall } from './hall';
import {
  messageShown,
  type Page,
  type PageAsked,
  pageOf,
  type Session,
  type Talk,
  talkShown,
} from './store';
import type { Link } from './wires';

type Call = (hall: Hall, link: Link, action: Action) => void;

function answer(hall: Hall, link: Link, action: Action, message: string, data: Frame): void {
  link.send(response(action.requestId, hall.now(), 200, message, data));
}

function paging({ nextCursor }: Page<unknown>): Frame {
  return { nextCursor, hasMore: nextCursor !== null };
}

/** The turn that a conversation runs, toward sessions that replay (REQ-SRV-32). */
function openTurn(hall: Hall, session: Session): Frame {
  const turn = session.talk.running;
  if (!turn?.channel.numbered || !hall.replays(session)) return {};
  return { openTurn: { requestId: turn.requestId, lastSeq: turn.channel.lastSeq } };
}

function described(session: Session): Frame {
  const { sessionId, talk, agentId, agentName, userParticipantId, agentParticipantId } = session;
  const { conversationId } = talk;
  return {
    sessionId,
    conversationId,
    agentId,
    agentName,
    userParticipantId,
    agentParticipantId,
  };
}

function createSession(hall: Hall, link: Link, action: Action): void {
  const agentId = String(action.agentId);
  if (!agentId.trim()) throw new Refusal('VALIDATION_ERROR', '/agentId must not be blank');
  const { store } = hall;
  const asked = action.conversationId as string | undefined;
  const ids = { sessionId: hall.newId(), user: hall.newId(), agent: hall.newId() };
  const known = asked === undefined ? undefined : store.talks.get(asked);
  const talk: Talk = known ?? {
    conversationId: hall.newId(),
    title: '',
    updatedMs: hall.now(),
    messages: [],
    turns: new Map(),
    running: undefined,
    asked: new Map(),
    promised: new Map(),
  };
  store.talks.set(talk.conversationId, talk);
  const supports = new Set((action.supports ?? []) as string[]);
  const session: Session = {
    sessionId: ids.sessionId,
    talk,
    agentId,
    agentName: hall.agentName,
    userName: (action.userName as string | undefined) || 'Visitor',
    userEmail: action.userEmail as string | undefined,
    userParticipantId: ids.user,
    agentParticipantId: ids.agent,
    supports: new Set(hall.capabilities.filter((word) => supports.has(word))),
    verified: false,
    asked: talk.asked,
  };
  store.sessions.set(session.sessionId, session);
  const words = session.supports.has('spec_1_1') ? { capabilities: hall.capabilities } : {};
  const data = { ...described(session), ...words, ...openTurn(hall, session) };
  answer(hall, link, action, 'Session created', data);
}

function getSession(hall: Hall, link: Link, action: Action): void {
  const session = hall.store.session(action.sessionId);
  const words = session.supports.has('spec_1_2') ? { capabilities: hall.capabilities } : {};
  const life = { threadId: session.talk.conversationId, status: 'active' };
  const data = { ...described(session), ...words, ...life, ...openTurn(hall, session) };
  answer(hall, link, action, 'Session found', data);
}

function getMessages(hall: Hall, link: Link, action: Action): void {
  const session = hall.store.session(action.sessionId);
  const all = [...session.talk.messages].reverse();
  const page = pageOf(all, ({ id }) => id, action as PageAsked);
  const full = session.supports.has('spec_1_2');
  const messages = page.items.map((message) => messageShown(message, full));
  answer(hall, link, action, 'Messages found', { messages, ...paging(page) });
}

function listConversations(hall: Hall, link: Link, action: Action): void {
  const all = hall.store.listed(action.query as string | undefined);
  const page = pageOf(all, ({ conversationId }) => conversationId, action as PageAsked);
  const conversations = page.items.map(talkShown);
  answer(hall, link, action, 'Conversations found', { conversations, ...paging(page) });
}

function renameConversation(hall: Hall, link: Link, action: Action): void {
  const title = String(action.title).trim();
  if (!title) throw new Refusal('VALIDATION_ERROR', '/title must not be blank');
  const talk = hall.store.talks.get(String(action.conversationId));
  if (!talk) throw new Refusal('CONVERSATION_NOT_FOUND', 'no such conversation');
  talk.title = title;
  const { conversationId } = talk;
  answer(hall, link, action, 'Conversation renamed', { conversationId, title });
}

/** The calls by their action. */
export const CALLS: Readonly<Record<string, Call>> = {
  create_conversation_session: createSession,
  get_session: getSession,
  get_conversation_messages: getMessages,
  list_conversations: listConversations,
  rename_conversation: renameConversation,
  ping: (hall, link, { requestId }) => link.send(pong(requestId, hall.now())),
};
