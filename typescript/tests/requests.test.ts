import { describe, expect, it } from 'vitest';
import { SessionNotFoundError, UnexpectedEventError } from '../src/index';
import {
  connected,
  expectSilence,
  failure,
  grant,
  rejection,
  response,
  running,
  SESSION,
  session,
  token,
  until,
} from './setup';

const params = { sessionId: SESSION };

describe('calls', () => {
  it('REQ-CALL-03 the right type resolves a call to its typed result', async () => {
    const { client, link } = await connected();
    const made = client.createConversationSession({ agentId: 'a', userName: 'Ada' });
    const frame = await grant(link, ['otp_park']);
    expect(frame).toEqual({
      action: 'create_conversation_session',
      requestId: 'req-1',
      agentId: 'a',
      userName: 'Ada',
      supports: ['otp_park', 'spec_1_1', 'spec_1_2'],
    });
    expect(await made).toEqual({ ...session(), capabilities: ['otp_park'] });
  });

  it('REQ-CALL-07 supports is the sorted union without doubles', async () => {
    const { client, link } = await connected({ supports: ['zoo', 'identity_form'] });
    const made = client.createConversationSession({
      agentId: 'a',
      supports: ['choice_chips', 'zoo'],
    });
    const frame = await grant(link);
    expect(frame.supports).toEqual([
      'choice_chips',
      'identity_form',
      'otp_park',
      'spec_1_1',
      'spec_1_2',
      'zoo',
    ]);
    await made;
    const misuse = client.createConversationSession({ agentId: 'a', supports: 'zoo' as never });
    expect(await rejection(misuse)).toBeInstanceOf(TypeError);
  });

  it('REQ-CALL-03 an error fails a call by its code', async () => {
    const { client, link } = await connected();
    const call = rejection(client.getSession(params));
    const { requestId } = await link.recv();
    link.send(failure(requestId as string, 'SESSION_NOT_FOUND', { retryAfterMs: 7 }));
    const error = await call;
    expect(error).toBeInstanceOf(SessionNotFoundError);
    expect(error).toMatchObject({ kind: 'not_found', code: 'SESSION_NOT_FOUND', requestId });
    expect(error.details).toEqual({ retryAfterMs: 7 });
    expect(error.message).not.toContain('about');
  });

  it('REQ-CALL-03 status 400 and above is kind protocol', async () => {
    const { client, link } = await connected();
    const call = rejection(client.getSession(params));
    const { requestId } = await link.recv();
    link.send(response(requestId as string, {}, 404));
    expect(await call).toMatchObject({ kind: 'protocol', details: { status: 404 } });
  });

  it('REQ-CALL-03 another known type fails it, keepalive and unknown types leave it waiting', async () => {
    const { client, link } = await connected();
    const seen: string[] = [];
    client.on('event', (event) => seen.push(event.type));
    const call = rejection(client.getSession(params));
    const requestId = (await link.recv()).requestId as string;
    link.send({ type: 'keepalive', data: { requestId } }, { type: 'odd', requestId });
    await until('the unknown event', () => seen.length === 1);
    link.send(token(requestId, 'x'));
    const error = await call;
    expect(error).toBeInstanceOf(UnexpectedEventError);
    expect(error).toMatchObject({ kind: 'unexpected_event', event: { type: 'stream_token' } });
    expect(seen).toEqual(['unknown']);
  });

  it('REQ-WIRE-03 a broken answer fails a call at once, with the pointer', async () => {
    const { client, link } = await connected();
    const call = rejection(client.getSession(params));
    const { requestId } = await link.recv();
    link.send(response(requestId as string, { sessionId: 5 }));
    expect(await call).toMatchObject({ kind: 'invalid_frame', pointer: '/data/sessionId' });
    const second = rejection(client.getSession(params));
    link.send({ type: 'immediate_response', requestId: (await link.recv()).requestId as string });
    expect(await second).toMatchObject({ kind: 'invalid_frame', pointer: '/data' });
  });

  it('REQ-CALL-02 requestTimeout fails a call; the late answer reaches nobody', async () => {
    const { client, link, clock } = await connected();
    const seen: string[] = [];
    client.on('event', (event) => seen.push(event.type));
    const call = rejection(client.getSession(params));
    const { requestId } = await link.recv();
    await clock.advance(29_999);
    expect(clock.timers).toBe(1);
    await clock.advance(1);
    expect(await call).toMatchObject({ kind: 'request_timeout', retryable: true, requestId });
    link.send(response(requestId as string, session()));
    await expectSilence({ client, link } as never);
    expect(seen).toEqual([]);
  });

  it('REQ-CALL-02 0 turns the limit off', async () => {
    const { client, link, clock } = await connected({ requestTimeoutMs: 0 });
    const call = client.getSession(params);
    const { requestId } = await link.recv();
    await clock.advance(10_000_000);
    link.send(response(requestId as string, session()));
    expect((await call).sessionId).toBe(SESSION);
  });

  it('REQ-CALL-01 an id that is in flight is refused with a TypeError, nothing is sent', async () => {
    const stageOf = await connected({ idGenerator: () => 'same' });
    const { client, link } = stageOf;
    const first = client.getSession(params);
    expect(await rejection(client.getSession(params))).toBeInstanceOf(TypeError);
    const sent = (): unknown =>
      client.sendMessage({ sessionId: 's', message: 'm', requestId: 'same' });
    expect(sent).toThrow(TypeError);
    await link.recv();
    link.send(response('same', session()));
    await first;
    await expectSilence(stageOf);
  });

  it('REQ-CALL-01 the generator is asked once for each action; a refused one draws none', async () => {
    const { client, link } = await connected();
    await rejection(client.getSession({} as never));
    expect(() => client.sendMessage({ sessionId: 's' } as never)).toThrow(TypeError);
    client.getSession(params).catch(() => {});
    expect((await link.recv()).requestId).toBe('req-1');
  });

  it('REQ-CALL-09 REQ-STOP-04 an abort ends the wait with the reason and sends nothing more', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const abort = new AbortController();
    const call = rejection(client.getSession(params, { signal: abort.signal }));
    await link.recv();
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await call).toBe(reason);
    const before = client.getSession(params, { signal: abort.signal });
    expect(await rejection(before)).toBe(reason);
    await expectSilence(stageOf);
  });

  it('REQ-CALL-06 ping gives the time of the server and the round trip, and invents neither', async () => {
    const { client, link, clock } = await connected();
    const first = client.ping();
    const { requestId } = await link.recv();
    await clock.advance(12);
    link.send({ type: 'pong', requestId: requestId as string, timestamp: 1_700_000_000_000 });
    expect(await first).toEqual({ serverTime: 1_700_000_000_000, roundTripMs: 12 });
    const second = client.ping();
    link.send({ type: 'pong', requestId: (await link.recv()).requestId as string });
    expect(await second).toEqual({ roundTripMs: 0 });
  });

  it('REQ-CALL-04 lists and renames conversations', async () => {
    const { client, link } = await connected();
    const list = client.listConversations({ limit: 5 });
    const asked = await link.recv();
    expect(asked).toEqual({ action: 'list_conversations', requestId: 'req-1', limit: 5 });
    link.send(response('req-1', { conversations: [], nextCursor: null }));
    expect(await list).toEqual({ conversations: [], nextCursor: null });
    const renamed = client.renameConversation({ conversationId: 'c', title: 'T' });
    expect((await link.recv()).title).toBe('T');
    link.send(response('req-2', { conversationId: 'c', title: 'T', extra: 1 }));
    expect(await renamed).toEqual({ conversationId: 'c', title: 'T', extra: 1 });
  });

  it('REQ-TURN-16 a failure that nobody looks at is logged once and is no unhandled rejection', async () => {
    const { client, link, log } = await connected();
    const isUnseen = (line: string): boolean => /^warn .* failed unseen/.test(line);
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on('unhandledRejection', note);
    void client.getSession(params);
    void client.ping();
    void client.startConversation({ agentId: 'a' });
    link.drop();
    await until('three warnings', () => log.filter(isUnseen).length === 3);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

describe('resume', () => {
  it('REQ-CALL-08 with a conversation creates a session on it', async () => {
    const { client, link } = await connected();
    const made = client.resumeConversation({ conversationId: 'c', agentId: 'a' });
    expect(await grant(link)).toMatchObject({
      action: 'create_conversation_session',
      conversationId: 'c',
    });
    expect((await made).agentName).toBe('Aria');
  });

  it('REQ-CALL-08 with a session alone asks for it', async () => {
    const { client, link } = await connected();
    const made = client.resumeConversation(params);
    expect(await link.recv()).toEqual({ action: 'get_session', requestId: 'req-1', ...params });
    link.send(response('req-1', { sessionId: SESSION, conversationId: 'c' }));
    const found = await made;
    expect([found.sessionId, found.conversationId, found.agentName]).toEqual([
      SESSION,
      'c',
      undefined,
    ]);
  });

  it('REQ-CALL-08 REQ-ERR-05 both together is a TypeError', async () => {
    const { client } = await connected();
    const misuse = client.resumeConversation({ ...params, agentId: 'a' } as never);
    expect(await rejection(misuse)).toBeInstanceOf(TypeError);
  });
});

describe('settled ids', () => {
  it('REQ-TURN-06 the last 1,024 are remembered', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const seen: unknown[] = [];
    client.on('event', (event) => seen.push(event.raw.requestId));
    const { turn, requestId } = await running(stageOf, 'first');
    const cancelled = turn().cancel();
    await link.recv();
    link.send({ type: 'cancelled', requestId, data: { requestId, status: 499 } });
    await cancelled;
    link.send(token('first', 'late'), failure('first', 'INTERNAL_ERROR'));
    await expectSilence(stageOf);
    expect(seen).toEqual([]);
    for (let n = 0; n < 1024; n += 1) await expectSilence(stageOf);
    link.send(token('first', 'much too late'));
    await until('the event', () => seen.length === 1);
  });
});
