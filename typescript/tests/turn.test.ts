import { describe, expect, it } from 'vitest';
import {
  ProtocolError,
  type ServerEvent,
  toolCallOf,
  toolResultOf,
  TurnInProgressError,
  TurnTimeoutError,
  type TurnItem,
} from '../src/index';
import {
  cancelled,
  confirmation,
  connected,
  expectSilence,
  failure,
  final,
  rejection,
  response,
  running,
  SESSION,
  settled,
  token,
  until,
} from './setup';

const types = async (events: AsyncIterable<ServerEvent>): Promise<string[]> => {
  const seen: string[] = [];
  for await (const event of events) seen.push(event.type);
  return seen;
};

describe('send', () => {
  it('REQ-TURN-01 returns at once and writes in call order; the frame has what was given', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const files = [{ name: 'f', url: 'https://x' }];
    const turn = client.sendMessage({ sessionId: SESSION, message: 'hi', model: 'm', files });
    const ping = client.ping().catch(() => {});
    expect([turn.requestId, turn.sessionId, turn.state]).toEqual(['req-1', SESSION, 'sent']);
    const sent = { action: 'send_message', requestId: 'req-1', sessionId: SESSION, message: 'hi' };
    expect(await link.recv()).toEqual({ ...sent, model: 'm', files });
    expect((await link.recv()).action).toBe('ping');
    turn.detach();
    await client.close();
    await ping;
  });

  it('REQ-TURN-01 REQ-ERR-05 throws argument errors alone', async () => {
    const { client } = await connected();
    expect(() => client.sendMessage({ sessionId: SESSION, message: 5 } as never)).toThrow(
      TypeError,
    );
    expect(() => client.sendMessage(undefined as never)).toThrow(TypeError);
  });
});

describe('iterating', () => {
  it('REQ-TURN-02 yields all events but keepalive and immediate_response, in wire order', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const seen = types(turn());
    const preamble = { ...token(requestId, 'p'), type: 'stream_preamble' };
    link.send({ type: 'keepalive', data: { requestId } }, preamble, token(requestId, 'a'));
    link.send({ type: 'stream_token', data: { requestId, token: 'nested id alone' } });
    link.send({ type: 'novel', requestId }, { type: 'stream_token', requestId, data: 5 });
    link.send(failure(requestId, 'OTP_SEND_FAILED'), final(requestId));
    expect(await seen).toEqual([
      'stream_preamble',
      'stream_token',
      'stream_token',
      'unknown',
      'unknown',
      'error',
      'eventual_response',
    ]);
  });

  it('REQ-TURN-02 every iterator sees every event, also a late one and one after the end', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const first = types(turn());
    link.send(token(requestId, 'a'));
    await until('the token', () => turn().partialText === 'a');
    const second = types(turn().events());
    link.send(final(requestId));
    const expected = ['stream_token', 'eventual_response'];
    expect([await first, await second, await types(turn())]).toEqual([
      expected,
      expected,
      expected,
    ]);
    expect(turn().items.map((event) => event.type)).toEqual(expected);
  });

  it('REQ-TURN-02 calls of next() that do not wait for each other are served in order', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const events = turn().events();
    const asked = [events.next(), events.next(), events.next(), events.next()];
    link.send(token(requestId, 'a'), token(requestId, 'b'), final(requestId));
    const got = await Promise.all(asked);
    expect(got.map(({ value }) => value && 'token' in value && value.token)).toEqual([
      'a',
      'b',
      false,
      undefined,
    ]);
  });

  it('REQ-TURN-03 a failed turn raises after the events that came before', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const seen: string[] = [];
    const read = async (): Promise<void> => {
      for await (const event of turn()) seen.push(event.type);
    };
    const failed = rejection(read());
    link.send(token(requestId, 'half'), failure(requestId, 'AGENT_ERROR'));
    const error = await failed;
    expect(error).toMatchObject({ code: 'AGENT_ERROR', partialText: 'half', requestId });
    expect(seen).toEqual(['stream_token', 'error']);
    expect(await rejection(turn().result())).toBe(error);
    expect(await rejection(read())).toBe(error);
  });
});

describe('ending', () => {
  it('REQ-TURN-18 REQ-TURN-15 a result has text, ids, citations, usage and the terminal event', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const citations = [{ id: '1', title: 'T', snippet: 's', score: 0.5 }];
    const usage = { promptTokens: 3, completionTokens: 4, costUsd: 0.1 };
    link.send(
      final(
        requestId,
        { responseParts: ['a', 5, 'b'] },
        { citations, usage, needsEscalation: true },
      ),
    );
    const result = await turn();
    expect(result).toMatchObject({
      text: 'a\n\nb',
      outcome: 'completed',
      requestId,
      sessionId: SESSION,
      messageId: 'm-1',
      citations,
      usage,
      needsEscalation: true,
      type: 'eventual_response',
      status: 200,
    });
    expect(result.event?.raw).toEqual(turn().items.at(-1)?.raw);
    expect(Object.isFrozen(result)).toBe(true);
    expect([await turn().result(), turn().state]).toEqual([result, 'settled']);
  });

  it('REQ-TURN-04 status 400 and above fails the turn; the nested status counts', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const frame = final(requestId) as { data: { status: number } };
    frame.data.status = 502;
    link.send(frame);
    const error = await rejection(turn().result());
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ kind: 'protocol', details: { status: 502 } });
  });

  it('REQ-TURN-05 cancelled is an outcome, also when nobody asked', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(token(requestId, 'half'), cancelled(requestId));
    expect(await turn()).toMatchObject({ outcome: 'cancelled', confirmed: true, text: 'half' });
  });

  it('REQ-TURN-03 REQ-TURN-06 the first end counts; what comes later changes nothing', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const pushed: string[] = [];
    client.on('event', (event) => pushed.push(event.type));
    link.send(
      final(requestId),
      cancelled(requestId),
      token(requestId, 'x'),
      failure(requestId, 'X'),
    );
    expect(await turn()).toMatchObject({ outcome: 'completed', text: 'done' });
    await expectSilence(stageOf);
    expect([turn().items.length, turn().partialText, pushed]).toEqual([1, '', []]);
  });

  it.each([
    ['terminal: false', 'INTERNAL_ERROR', { terminal: false }],
    ['a code that never ends one', 'OTP_SEND_FAILED', {}],
    ['NO_PENDING_CONFIRMATION', 'NO_PENDING_CONFIRMATION', {}],
  ])('REQ-TURN-07 an error with %s is an item and ends nothing', async (_, code, more) => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(failure(requestId, code, more), final(requestId));
    expect(await turn()).toMatchObject({ outcome: 'completed' });
    expect(turn().items.map((event) => event.type)).toEqual(['error', 'eventual_response']);
  });

  it.each(['VALIDATION_ERROR', 'SESSION_NOT_FOUND', 'FLUX_ERROR'])(
    'REQ-TURN-07 %s ends a turn without an outstanding verb',
    async (code) => {
      const stageOf = await connected();
      const { link } = stageOf;
      const { turn, requestId } = await running(stageOf);
      link.send(failure(requestId, code));
      expect(await rejection(turn().result())).toMatchObject({ code });
    },
  );

  it('REQ-WIRE-12 an error without an id, or with a foreign one, ends nothing', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const pushed: string[] = [];
    client.on('event', (event) => pushed.push(event.type));
    link.send(
      failure(undefined, 'INTERNAL_ERROR'),
      failure('other', 'INTERNAL_ERROR'),
      final(requestId),
    );
    expect(await turn()).toMatchObject({ outcome: 'completed' });
    await until('both', () => pushed.length === 2);
  });

  it('REQ-TURN-08 immediate_response never ends a turn', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(response(requestId, {}, 500), response(requestId, {}, 202), final(requestId));
    expect(await turn()).toMatchObject({ outcome: 'completed' });
  });

  it('REQ-WIRE-03 a broken terminal event fails the turn at once', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send({ type: 'eventual_response', requestId, data: { requestId, status: 200, data: {} } });
    const error = await rejection(turn().result());
    expect(error).toMatchObject({ kind: 'invalid_frame', pointer: '/data/data/messageId' });
    expect(turn().items).toEqual([]);
  });

  it('REQ-TURN-14 TURN_IN_PROGRESS fails the new turn alone', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const one = await running(stageOf);
    const two = await running(stageOf);
    link.send(failure(two.requestId, 'TURN_IN_PROGRESS'), final(one.requestId));
    const error = await rejection(two.turn().result());
    expect(error).toBeInstanceOf(TurnInProgressError);
    expect(error.retryable).toBe(true);
    expect(await one.turn()).toMatchObject({ outcome: 'completed' });
  });
});

describe('text', () => {
  it.each([
    ['a string', 'final', 'final'],
    ['the empty string', '', ''],
    ['parts', { responseParts: ['a', 'b'] }, 'a\n\nb'],
    ['no parts', { responseParts: [] }, 'streamed'],
    ['parts that are null', { responseParts: null }, 'streamed'],
    ['null', null, 'streamed'],
  ])('REQ-TURN-09 takes %s', async (_, answer, expected) => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const reasoning = { ...token(requestId, 'why'), type: 'stream_reasoning' };
    link.send(
      reasoning,
      token(requestId, 'stre'),
      token(requestId, 'amed'),
      final(requestId, answer),
    );
    expect((await turn()).text).toBe(expected);
    expect(turn().partialText).toBe('streamed');
  });

  const pieces = async (texts: AsyncIterable<string>): Promise<string[]> => {
    const seen: string[] = [];
    for await (const piece of texts) seen.push(piece);
    return seen;
  };

  it('REQ-TURN-10 the stream yields every token, empty ones and emoji included', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const seen = pieces(turn().textStream);
    link.send(
      token(requestId, 'a'),
      token(requestId, ''),
      token(requestId, '😀'),
      final(requestId),
    );
    expect(await seen).toEqual(['a', '', '😀']);
  });

  it('REQ-TURN-10 without tokens it yields the final text once, unless that is empty', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const one = await running(stageOf);
    const two = await running(stageOf);
    link.send(final(one.requestId, 'whole'), final(two.requestId, ''));
    expect(await pieces(one.turn().textStream)).toEqual(['whole']);
    expect(await pieces(two.turn().textStream)).toEqual([]);
  });
});

describe('limits', () => {
  it('REQ-TURN-11 silence for turnIdleTimeout sends one cancel and fails with the partial text', async () => {
    const stageOf = await connected();
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const failed = rejection(turn().result());
    await clock.advance(119_999);
    link.send({ type: 'keepalive', data: { requestId } }, token(requestId, 'half'));
    await until('the token', () => turn().partialText === 'half');
    await clock.advance(119_999);
    expect(turn().state).toBe('running');
    await clock.advance(1);
    const error = await failed;
    expect(error).toBeInstanceOf(TurnTimeoutError);
    expect(error).toMatchObject({ kind: 'turn_timeout', partialText: 'half', details: {} });
    expect(await link.recv()).toEqual({ action: 'cancel', requestId, sessionId: SESSION });
    await expectSilence(stageOf);
  });

  it('REQ-TURN-11 the idle clock stands still while a question is open', async () => {
    const stageOf = await connected();
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(confirmation(requestId));
    await until('the question', () => turn().question('confirmation') !== undefined);
    await clock.advance(300_000);
    expect(turn().state).toBe('running');
    const confirmed = turn().confirm(true);
    await link.recv();
    link.send(response(requestId, {}));
    await confirmed;
    const failed = rejection(turn().result());
    await clock.advance(120_000);
    expect(await failed).toMatchObject({ kind: 'turn_timeout' });
  });

  it('REQ-TURN-12 turnTimeout bounds a peer that keeps talking', async () => {
    const stageOf = await connected({ turnTimeoutMs: 1_000 });
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const failed = rejection(turn().result());
    for (let n = 0; n < 9; n += 1) {
      await clock.advance(100);
      link.send(token(requestId, 'x'));
      await until('the token', () => turn().partialText.length === n + 1);
    }
    await clock.advance(100);
    expect(await failed).toMatchObject({ kind: 'turn_timeout', partialText: 'xxxxxxxxx' });
    expect((await link.recv()).action).toBe('cancel');
  });

  it.each([
    ['questionTimeout', {}, {}, 330_000],
    ['its own expiry and 10 s', { expiresAt: 25_000 }, { timestamp: 20_000 }, 15_000],
    ['an expiry in the past', { expiresAt: 1 }, { timestamp: 20_000 }, 10_000],
    [
      'questionTimeout, when it says more than a day',
      { expiresAt: 10 ** 12 },
      { timestamp: 1 },
      330_000,
    ],
    ['questionTimeout, without a timestamp', { expiresAt: 5 }, {}, 330_000],
  ])('REQ-TURN-13 a question ends after %s', async (_, data, top, limit) => {
    const stageOf = await connected();
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const failed = rejection(turn().result());
    link.send(confirmation(requestId, data, top));
    await until('the question', () => turn().question('confirmation') !== undefined);
    await clock.advance(limit - 1);
    expect(turn().state).toBe('running');
    await clock.advance(1);
    expect(await failed).toMatchObject({
      kind: 'turn_timeout',
      details: { question: 'confirmation' },
    });
    expect((await link.recv()).action).toBe('cancel');
  });

  it('REQ-TURN-11 REQ-TURN-13 0 turns the limits off', async () => {
    const stageOf = await connected({ turnIdleTimeoutMs: 0, questionTimeoutMs: 0 });
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(confirmation(requestId));
    await until('the question', () => turn().question('confirmation') !== undefined);
    await clock.advance(10_000_000);
    expect([turn().state, clock.timers]).toEqual(['running', 0]);
  });
});

describe('the rest', () => {
  it('REQ-TURN-16 a failure that nobody looks at is logged once and never unhandled', async () => {
    const stageOf = await connected();
    const { link, log } = stageOf;
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on('unhandledRejection', note);
    const one = await running(stageOf);
    const two = await running(stageOf);
    two.turn().detach();
    void two.turn().result();
    link.send(failure(one.requestId, 'AGENT_ERROR'), failure(two.requestId, 'AGENT_ERROR'));
    await until('the warnings', () => log.filter((line) => line.startsWith('warn')).length === 2);
    await settled();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect(log.filter((line) => line.includes('unseen'))).toHaveLength(2);
  });

  it('REQ-TURN-17 a reader that stops reading holds up nobody', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const slow = turn().events();
    link.send(...Array.from({ length: 2_000 }, () => token(requestId, 'x')), final(requestId));
    expect((await turn()).outcome).toBe('completed');
    expect(turn().partialText).toHaveLength(2_000);
    const seen: (TurnItem & { token?: string })[] = [];
    for await (const item of slow) seen.push(item);
    expect(seen.reduce((sum, one) => sum + (one.merged ?? 1), 0)).toBe(2_001);
    expect(seen.map((one) => one.token ?? '').join('')).toBe('x'.repeat(2_000));
  });

  it('REQ-TURN-23 halves of a pair in two tokens are one character', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const piece = (token: string): string =>
      `{"type":"stream_token","requestId":"${requestId}","token":"${token}",` +
      `"data":{"requestId":"${requestId}","token":"${token}"}}`;
    const pieces: string[] = [];
    const stream = turn().textStream;
    link.text(...['a\\ud83d', '\\ude00b', '\\ud83d', 'c', '\\ude00', 'd\\ud83d'].map(piece));
    link.send(final(requestId, {}));
    for await (const text of stream) pieces.push(text);
    const expected = 'a😀b\ufffdc\ufffdd\ufffd';
    expect(pieces.join('')).toBe(expected);
    expect((await turn()).text).toBe(expected);
    expect(turn().items[0]).toMatchObject({ token: 'a\ufffd' });
  });

  it('REQ-TURN-19 tool calls and results are typed, arguments as an object', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const chunk = (rawResponse: unknown): object => ({
      type: 'stream_chunk',
      requestId,
      data: { requestId, node: 'tools', state: { rawResponse } },
    });
    link.send(
      chunk({ toolCall: { name: 'find', arguments: '{"q":"x"}', callId: 'c1' } }),
      chunk({ toolCall: { name: 'find', arguments: { q: 1 } } }),
      chunk({
        toolCall: { name: 'find', arguments: '[1]' },
        toolResult: { name: 'find', isError: false, result: null },
      }),
      chunk('text'),
      final(requestId),
    );
    await turn();
    expect(turn().items.map((event) => [toolCallOf(event), toolResultOf(event)])).toEqual([
      [{ name: 'find', arguments: { q: 'x' }, callId: 'c1' }, undefined],
      [{ name: 'find', arguments: { q: 1 } }, undefined],
      [
        { name: 'find', arguments: {} },
        { name: 'find', isError: false },
      ],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('REQ-TURN-20 a lost link tells what was sent, and the open question', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const failed = rejection(turn().result());
    link.send(token(requestId, 'half'), confirmation(requestId));
    await until('the question', () => turn().question('confirmation') !== undefined);
    link.drop();
    expect(await failed).toMatchObject({
      kind: 'turn_interrupted',
      sent: true,
      openQuestion: 'confirmation',
      partialText: 'half',
      requestId,
      sessionId: SESSION,
    });
  });
});
