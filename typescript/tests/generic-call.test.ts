// The generic call: every action with one answer, typed, the ones of tomorrow included.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type {
  Answer,
  CallName,
  CallOf,
  ConversationPage,
  GetSessionAction,
  GetSessionResult,
  PongEvent,
  ReplyOf,
  SendMessageAction,
  SmoothAgentClient,
} from '../src/index';
import { SessionNotFoundError } from '../src/index';
import { type Frame, within } from './peer';
import {
  connected,
  expectSilence,
  failure,
  rejection,
  response,
  SESSION,
  session,
  startPeer,
  until,
} from './setup';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VECTORS = `${ROOT}spec/vectors/`;
const FOLDER = `${ROOT}typescript/dist/.new-action`;
const NEW = 'archive_conversation';

interface Vector {
  readonly text: string;
  readonly strict: boolean;
  readonly outcome?: string;
  readonly encoded?: Frame;
}

const vectors = (path: string): Vector[] =>
  JSON.parse(readFileSync(`${VECTORS}${path}.json`, 'utf8')).vectors;

describe('call', () => {
  it('REQ-CALL-03 gives the answer in its own type', async () => {
    const { client, link } = await connected();
    const call = client.call({ action: 'get_session', sessionId: SESSION });
    expectTypeOf(call).toEqualTypeOf<Answer<GetSessionResult>>();
    expect(await link.recv()).toEqual({
      action: 'get_session',
      requestId: 'req-1',
      sessionId: SESSION,
    });
    link.send(response('req-1', { sessionId: SESSION, conversationId: 'c' }));
    expect((await call).conversationId).toBe('c');
    const ping = client.call({ action: 'ping' });
    expectTypeOf(ping).toEqualTypeOf<Answer<PongEvent>>();
    await link.recv();
    link.send({ type: 'pong', requestId: 'req-2', timestamp: 7 });
    expect((await ping).timestamp).toBe(7);
  });

  it('REQ-CALL-03 fails as the methods do', async () => {
    const { client, link } = await connected();
    const missing = rejection(client.call({ action: 'get_session', sessionId: SESSION }));
    await link.recv();
    link.send(failure('req-1', 'SESSION_NOT_FOUND'));
    expect(await missing).toBeInstanceOf(SessionNotFoundError);
    const broken = rejection(client.call({ action: 'get_session', sessionId: SESSION }));
    await link.recv();
    link.send(response('req-2', { conversationId: 'c' }));
    expect(await broken).toMatchObject({
      kind: 'invalid_frame',
      details: { pointer: '/data/sessionId' },
    });
  });

  const calls = [...readdirSync(`${VECTORS}results`), 'ping.json'];
  it.each(calls.map((name) => name.replace('.json', '') as CallName))(
    'REQ-CALL-03 sends %s and reads its answer',
    async (name) => {
      const { client, link } = await connected();
      const text = vectors(`actions/${name}`).find(({ strict }) => strict)?.text ?? '';
      const call = client.call({ ...JSON.parse(text), requestId: 'mine' } as CallOf);
      expect(await link.recv()).toMatchObject({ action: name, requestId: 'mine' });
      const good = vectors(name === 'ping' ? 'events/pong' : `results/${name}`).find(
        ({ outcome }) => outcome === 'good',
      );
      link.send({ ...JSON.parse(good?.text ?? ''), requestId: 'mine' });
      expect(JSON.parse(JSON.stringify(await call))).toMatchObject(good?.encoded ?? {});
    },
  );

  it('REQ-CALL-01 uses an id of the caller and draws none then', async () => {
    const { client, link } = await connected();
    const own = { action: 'list_conversations', requestId: 'mine', limit: 2 } as const;
    const call = client.call(own);
    expect(await link.recv()).toEqual(own);
    expect(await rejection(client.call(own))).toBeInstanceOf(TypeError);
    expect(await rejection(client.call({ action: 'ping', requestId: '' }))).toBeInstanceOf(
      TypeError,
    );
    link.send(response('mine', { conversations: [] }));
    expect(await call).toEqual({ conversations: [] });
    const ping = client.ping();
    expect((await link.recv()).requestId).toBe('req-1');
    link.send({ type: 'pong', requestId: 'req-1' });
    await ping;
  });

  it('REQ-CALL-07 says what is supported when it opens a session, and learns what the server does', async () => {
    const { client, link } = await connected({ supports: ['zoo'] });
    const supports = ['choice_chips'];
    const call = client.call({ action: 'create_conversation_session', agentId: 'a', supports });
    const frame = await link.recv();
    expect(frame.supports).toEqual(['choice_chips', 'otp_park', 'spec_1_1', 'spec_1_2', 'zoo']);
    link.send(response('req-1', { ...session(), capabilities: ['otp_park'] }));
    await call;
    const declined = client.verifyOtp({ sessionId: SESSION, requestId: 't', declined: true });
    expect((await link.recv()).declined).toBe(true);
    link.send(response('t', {}));
    expect(await declined).toBeUndefined();
  });

  it.each([
    { action: 'send_message', sessionId: SESSION, message: 'x' },
    { action: 'confirm_tool_action', sessionId: SESSION, requestId: 't', approved: true },
    { action: 'verify_otp', sessionId: SESSION, requestId: 't', code: '1' },
    { action: 'submit_interaction', sessionId: SESSION, requestId: 't', interactionId: 'i' },
    { action: 'cancel', requestId: 't' },
    { action: 'toString' },
    { action: 7 },
    {},
    undefined,
    { action: 'get_session' },
    { action: 'get_session', sessionId: SESSION, other: 1 },
  ])('REQ-ERR-05 refuses %j', async (action) => {
    const stage = await connected();
    expect(await rejection(stage.client.call(action as never))).toBeInstanceOf(TypeError);
    await expectSilence(stage);
  });

  it('REQ-ERR-05 what is no call is refused by the compiler already', () => {
    expectTypeOf<ReplyOf<GetSessionAction>>().toEqualTypeOf<GetSessionResult>();
    expectTypeOf<ReplyOf<SendMessageAction>>().toEqualTypeOf<never>();
    const refused = (client: SmoothAgentClient): unknown[] => [
      // @ts-expect-error it opens a turn
      client.call({ action: 'send_message', sessionId: SESSION, message: 'x' }),
      // @ts-expect-error it answers a turn
      client.call({ action: 'cancel', requestId: 't' }),
      // @ts-expect-error a member is missing
      client.call({ action: 'get_session' }),
      // @ts-expect-error a member is too many
      client.call({ action: 'ping', sessionId: SESSION }),
    ];
    expect(refused).toBeTypeOf('function');
    const listed = (client: SmoothAgentClient, action: CallOf<'list_conversations'>): unknown =>
      expectTypeOf(client.call(action)).toEqualTypeOf<Answer<ConversationPage>>();
    expect(listed).toBeTypeOf('function');
  });
});

const USE = `
import { type Answer, type ArchiveConversationResult, SmoothAgentClient } from './src/index';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

export function archive(client: SmoothAgentClient): Answer<ArchiveConversationResult> {
  const approvals = [{ by: 'b', token: 's3cret' }];
  const members = { conversationId: 'c', reason: 'done', pin: 's3cret', approvals };
  const answer = client.call({ action: 'archive_conversation', ...members });
  const typed: Same<typeof answer, Answer<ArchiveConversationResult>> = true;
  // @ts-expect-error a member is missing
  client.call({ action: 'archive_conversation' });
  return typed && answer;
}

export { SmoothAgentClient };
`;

describe('an action that is new in the specification', () => {
  beforeAll(async () => {
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    await run(`${ROOT}.venv/bin/python`, [`${ROOT}tools/newer_spec.py`, `${FOLDER}/spec`]);
    const options = ['generate', '--lang', 'typescript', '--spec', `${FOLDER}/spec`];
    await run(`${ROOT}.venv/bin/wiregen`, [...options, '--out', `${FOLDER}/made`], { cwd: ROOT });
    cpSync(`${ROOT}typescript/src`, `${FOLDER}/src`, { recursive: true });
    cpSync(`${FOLDER}/made/typescript`, `${FOLDER}/src/wire`, { recursive: true });
    writeFileSync(`${FOLDER}/use.ts`, USE);
    const compilerOptions = { skipLibCheck: true };
    const config = { extends: '../../tsconfig.json', compilerOptions, include: ['use.ts'] };
    writeFileSync(`${FOLDER}/tsconfig.json`, JSON.stringify(config));
  }, 60_000);

  afterAll(() => rmSync(FOLDER, { recursive: true }));

  it('REQ-CALL-03 is called without a hand-written line in the client', async () => {
    const { SmoothAgentClient, archive } = await import(`${FOLDER}/use.ts`);
    const peer = await startPeer();
    const log: string[] = [];
    const put = (...values: unknown[]): unknown => log.push(values.join(' '));
    const logger = { debug: put, warn: put, error: put };
    const options = { url: peer.url, idGenerator: () => 'req-1', logger, logPayloads: true };
    const client = new SmoothAgentClient(options);
    const shown: unknown[] = [];
    client.on('event', (event: unknown) => shown.push(event));
    client.on('frame', (frame: unknown) => shown.push(frame), { text: true });
    await within('connect', client.connect());
    const link = await peer.link();
    const answer = archive(client);
    const secrets = { pin: 's3cret', approvals: [{ by: 'b', token: 's3cret' }] };
    const members = { conversationId: 'c', reason: 'done', ...secrets };
    expect(await link.recv()).toEqual({ action: NEW, requestId: 'req-1', ...members });
    const result = { archivedAt: 5, receipt: 's3cret' };
    link.send(response('req-1', result));
    expect(await within('the answer', answer)).toEqual(result);

    // Its secrets need none either (REQ-LOG-01).
    link.send(response('x', result), { ...response('x', result), status: 'broken' });
    await until('the broken event', () => inspect(shown).includes("'unknown'"));
    await client.close();
    const text = [inspect(shown), inspect(await answer), ...log].join('\n');
    expect(text).not.toContain('s3cret');
    expect(text).toContain("receipt: '…'");
    expect(text).toContain('"pin":"…","approvals":"…"');
    expect(log.filter((line) => line.includes('"receipt":"…"'))).toHaveLength(3);
    const { ACTION_SECRETS, EVENT_SECRETS } = await import(`${FOLDER}/src/wire/secrets.ts`);
    expect(ACTION_SECRETS[NEW]).toEqual([['pin'], ['approvals']]);
    expect(EVENT_SECRETS).toEqual({ immediate_response: [['data', 'receipt']] });
  });

  it('REQ-LOG-01 has faults that show no frame', async () => {
    const { decodeEvent, unknownOf } = await import(`${FOLDER}/src/wire/codec.ts`);
    const broken = JSON.stringify({ ...response('x', { receipt: 's3cret' }), status: 'broken' });
    const fault = await rejection(Promise.resolve(broken).then(decodeEvent));
    expect(inspect(fault)).not.toContain('s3cret');
    expect(inspect(unknownOf(fault))).toContain('/status');
    expect(JSON.stringify(unknownOf(fault))).toBe(broken);
  });

  it('REQ-CALL-03 is typed for the compiler', async () => {
    const tsc = `${ROOT}node_modules/.bin/tsc`;
    const { stdout } = await run(tsc, ['-p', FOLDER]).catch((error) => error);
    expect(stdout).toBe('');
  }, 60_000);
});
