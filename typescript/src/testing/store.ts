// What a fake server keeps: sessions, conversations, messages. In memory, nothing on disk.
import type { Frame } from './frames';
import { Refusal } from './checks';
import type { Asked } from './questions';
import type { Turn } from './turn';

/** One session of a client. */
export interface Session {
  readonly sessionId: string;
  readonly talk: Talk;
  readonly agentId: string;
  readonly agentName: string;
  readonly userName: string;
  readonly userEmail: string | undefined;
  readonly userParticipantId: string;
  readonly agentParticipantId: string;
  /** Capability words of the client that this server knows. */
  readonly supports: ReadonlySet<string>;
  /** Whether a one-time code was given. */
  verified: boolean;
  /** The questions of its conversation: another session may answer them. */
  readonly asked: Map<string, Asked>;
}

/** How the turn of a message stands. */
export type TurnFate = 'running' | 'completed' | 'cancelled' | 'failed';

/** A stored message. */
export interface Message {
  readonly id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly text: string;
  readonly createdMs: number;
  readonly requestId: string;
  readonly from: { readonly id: string; readonly type: string; readonly name: string };
  /** Of an inbound message. */
  turn?: TurnFate;
}

/** One conversation. */
export interface Talk {
  readonly conversationId: string;
  title: string;
  updatedMs: number;
  readonly messages: Message[];
  /** Turns by requestId, also those that are over. */
  readonly turns: Map<string, Turn>;
  running: Turn | undefined;
  /** The newest question of each kind. */
  readonly asked: Map<string, Asked>;
  /** Ids that were told `never`, with the link that was told so (REQ-SRV-28). */
  readonly promised: Map<string, number>;
}

/** A page of a list, and how to go on (REQ-SRV-12). */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

const DEFAULT_LIMIT = 50;
const TITLE_LENGTH = 60;

/** Which page is asked for. */
export interface PageAsked {
  readonly limit?: number;
  readonly cursor?: string;
}

/** Cuts a page out of a list that is newest first; a cursor is the id that its page begins behind. */
export function pageOf<T>(
  all: readonly T[],
  idOf: (item: T) => string,
  { limit = DEFAULT_LIMIT, cursor }: PageAsked,
): Page<T> {
  const from = cursor === undefined ? 0 : all.findIndex((item) => `~${idOf(item)}` === cursor) + 1;
  if (cursor !== undefined && from === 0) {
    throw new Refusal('VALIDATION_ERROR', '/cursor was not made by this list');
  }
  const items = all.slice(from, from + limit);
  const last = items.at(-1);
  const goesOn = last !== undefined && from + limit < all.length;
  return { items, nextCursor: goesOn ? `~${idOf(last)}` : null };
}

/** A message as histories show it; `full` toward sessions that listed `spec_1_2`. */
export function messageShown(message: Message, full: boolean): Frame {
  const { id, direction, text, createdMs, requestId, from, turn } = message;
  const createdAt = new Date(createdMs).toISOString();
  const more = full ? { requestId, ...(turn ? { turn } : {}) } : {};
  return { id, direction, content: { text }, from, createdAt, ...more };
}

/** A conversation as lists show it. */
export function talkShown({ conversationId, title, updatedMs, messages }: Talk): Frame {
  const [first] = messages;
  return {
    conversationId,
    title: title || (first?.text ?? '').trim().slice(0, TITLE_LENGTH),
    updatedAt: new Date(updatedMs).toISOString(),
    messageCount: messages.length,
  };
}

/** Sessions and conversations of one server. */
export class Store {
  readonly sessions = new Map<string, Session>();
  readonly talks = new Map<string, Talk>();

  /** Returns a session. @throws {Refusal} SESSION_NOT_FOUND. */
  session(sessionId: unknown): Session {
    const found = this.sessions.get(String(sessionId));
    if (!found) throw new Refusal('SESSION_NOT_FOUND', 'no such session');
    return found;
  }

  /** Conversations that hold a text, newest first. */
  listed(query = ''): Talk[] {
    const wanted = query.toLowerCase();
    const all = [...this.talks.values()].reverse();
    const found = all.filter((talk) =>
      [talk.title, ...talk.messages.map(({ text }) => text)].some((text) =>
        text.toLowerCase().includes(wanted),
      ),
    );
    return found.sort((left, right) => right.updatedMs - left.updatedMs);
  }
}
