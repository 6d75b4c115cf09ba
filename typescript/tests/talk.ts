// A conversation on a replay session, whose link is cut and found again.
import { expect } from 'vitest';
import type { ClientOptions, Conversation, Turn } from '../src/index';
import { type Frame, type Link, within } from './peer';
import { AGENT, connected, type OpenStage, response, session, token, until } from './setup';

export const WORDS = ['replay', 'spec_1_2'];
export const SEEKING: Partial<ClientOptions> = { autoReconnect: true, random: () => 0.5 };

export interface Talk extends OpenStage {
  link: Link;
  readonly chat: Conversation;
}

/** A client with a conversation on a replay session. */
export async function opened(
  options: Partial<ClientOptions> = {},
  more: object = {},
): Promise<Talk> {
  const made = await connected({ ...SEEKING, ...options });
  const chat = made.client.startConversation({ agentId: AGENT });
  const { requestId } = await made.link.recv();
  made.link.send(response(requestId as string, { ...session(), capabilities: WORDS, ...more }));
  return { ...made, chat: await within('a conversation', chat) };
}

/** The same with a turn whose message was read; in a function, as `await` would wait for its end. */
export async function talking(
  options: Partial<ClientOptions> = {},
): Promise<Talk & { turn: () => Turn; requestId: string }> {
  const made = await opened(options);
  const turn = made.chat.send('hello');
  expect((await made.link.recv()).action).toBe('send_message');
  return { ...made, turn: () => turn, requestId: turn.requestId };
}

/** The numbered events of a whole turn. */
export function script(requestId: string, ...tokens: string[]): Frame[] {
  const answer = { messageId: 'm-1', response: null };
  const events: Frame[] = [
    response(requestId, {}, 202),
    ...tokens.map((text) => token(requestId, text)),
    {
      type: 'eventual_response',
      requestId,
      status: 200,
      data: { requestId, status: 200, data: answer },
    },
  ];
  return events.map((event, at) => ({ ...event, seq: at + 1 }));
}

export function resumed(link: Link, requestId: string, lastSeq: number, state = 'running'): void {
  link.send({ type: 'turn_resumed', requestId, data: { requestId, data: { state, lastSeq } } });
}

/** Cuts the link and waits until the client knows. */
export async function cut(talk: Talk): Promise<void> {
  talk.link.drop();
  await until('reconnecting', () => talk.client.state === 'reconnecting');
}

/** Lets the next link be found; returns the frame that asks for the turn. */
export async function found(talk: Talk): Promise<Frame> {
  await talk.clock.advance(1_000);
  talk.link = await talk.peer.link();
  return await asked(talk);
}

export async function asked({ link }: Talk): Promise<Frame> {
  const frame = await link.recv();
  expect(frame.action).toBe('resume_turn');
  return frame;
}
