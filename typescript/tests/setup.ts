// What nearly every test begins with: a peer, a client with a virtual clock, a session.
import { afterEach, expect } from 'vitest';
import { type ClientOptions, SmoothAgentClient, type Turn } from '../src/index';
import { VirtualClock } from '../src/testing/index';
import { type Frame, type Link, Peer, type PeerPlan, within } from './peer';

export const AGENT = '00000000-0000-4000-8000-000000000001';
export const SESSION = '00000000-0000-4000-8000-000000000002';
export const CONVERSATION = '00000000-0000-4000-8000-000000000003';

export interface Stage {
  readonly peer: Peer;
  readonly client: SmoothAgentClient;
  readonly clock: VirtualClock;
  /** Lines that the client logged: level and message. */
  readonly log: string[];
}

export interface OpenStage extends Stage {
  readonly link: Link;
}

const open: Stage[] = [];
const peers: Peer[] = [];

// Every test ends as it began: no timer, no socket, no task (REQ-CONN-05).
afterEach(async () => {
  for (const { client, clock } of open.splice(0)) {
    const closing = client.close();
    await clock.advance(10_000);
    await within('close', closing);
    expect(clock.timers).toBe(0);
  }
  for (const peer of peers.splice(0)) await peer.stop();
});

export async function startPeer(plan: PeerPlan = {}): Promise<Peer> {
  const peer = await Peer.start(plan);
  peers.push(peer);
  return peer;
}

/**
 * What most tests are not about: a link that is lost stays lost, and nothing is asked of a silent
 * one. The one timer that an open link has then is that of `stableAfterMs`.
 */
const QUIET = { autoReconnect: false, pingIntervalMs: 0 };
export const LINK_TIMERS = 1;

/** Returns a client that has not been connected. */
export async function stage(
  options: Partial<ClientOptions> = {},
  plan: PeerPlan = {},
): Promise<Stage> {
  const peer = await startPeer(plan);
  const clock = new VirtualClock();
  const log: string[] = [];
  const put =
    (level: string) =>
    (message: string, ...values: unknown[]): void => {
      log.push([level, message, ...values].join(' '));
    };
  const logger = { debug: put('debug'), warn: put('warn'), error: put('error') };
  let drawn = 0;
  const idGenerator = (): string => `req-${++drawn}`;
  const own = { url: peer.url, clock, idGenerator, logger };
  const client = new SmoothAgentClient({ ...own, ...QUIET, ...options });
  const made = { peer, client, clock, log };
  open.push(made);
  return made;
}

/** Returns a client with an open link. */
export async function connected(options: Partial<ClientOptions> = {}): Promise<OpenStage> {
  const made = await stage(options);
  await within('connect', made.client.connect());
  return { ...made, link: await made.peer.link() };
}

/** Answers one `create_conversation_session`. */
export async function grant(link: Link, capabilities?: readonly string[]): Promise<Frame> {
  const frame = await link.recv();
  link.send(
    response(frame.requestId as string, {
      ...session(),
      ...(capabilities ? { capabilities } : {}),
    }),
  );
  return frame;
}

export const session = (): Frame => ({
  sessionId: SESSION,
  conversationId: CONVERSATION,
  agentName: 'Aria',
  userParticipantId: AGENT,
  agentParticipantId: AGENT,
});

export const response = (requestId: string, data: object, status = 200): Frame => ({
  type: 'immediate_response',
  requestId,
  status,
  data,
});

/** Sends a message and hands out its turn, running, with the frame that the peer got. */
export async function running(
  { client, link }: OpenStage,
  requestId = `req-t${Math.random()}`,
): Promise<{ turn: () => Turn; frame: Frame; requestId: string }> {
  const turn = client.sendMessage({ sessionId: SESSION, message: 'hello', requestId });
  const frame = await link.recv();
  link.send(response(requestId, {}, 202));
  // A turn is thenable: it is handed out in a function, or `await` would wait for its end.
  return { turn: () => turn, frame, requestId };
}

export const token = (requestId: string, text: string): Frame => ({
  type: 'stream_token',
  requestId,
  token: text,
  data: { requestId, token: text },
});

export const final = (requestId: string, answer: unknown = 'done', more: object = {}): Frame => ({
  type: 'eventual_response',
  requestId,
  status: 200,
  data: { requestId, status: 200, data: { messageId: 'm-1', response: answer, ...more } },
});

export const failure = (requestId: string | undefined, code: string, more: object = {}): Frame => {
  const error = { code, message: `about ${code}`, ...more };
  return { type: 'error', requestId, error, data: { requestId, error } };
};

export const question = (
  type: string,
  requestId: string,
  data: object,
  more: object = {},
): Frame => ({
  type,
  requestId,
  data: { requestId, data },
  ...more,
});

export const confirmation = (requestId: string, more: object = {}, top: object = {}): Frame =>
  question(
    'write_confirmation_required',
    requestId,
    { toolId: 'pay', actionDescription: 'Pay 5', ...more },
    top,
  );

export const cancelled = (requestId: string): Frame => ({
  type: 'cancelled',
  requestId,
  status: 499,
  data: { requestId, status: 499 },
});

/** Shows that the client wrote nothing: the next frame is the ping that is sent now. */
export async function expectSilence({ client, link }: OpenStage): Promise<void> {
  const pong = client.ping();
  const frame = await link.recv();
  expect(frame.action).toBe('ping');
  link.send({ type: 'pong', requestId: frame.requestId as string });
  await within('a pong', pong);
}

/** Returns what a promise was rejected with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error & Frame> {
  try {
    await within('a rejection', promise);
  } catch (error) {
    return error as Error & Frame;
  }
  throw new Error('expected a rejection');
}

/** Lets everything run that waits for nothing from outside. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until a condition holds; bounded. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 3_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await settled();
  }
}
