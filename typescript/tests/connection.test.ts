import { describe, expect, it } from 'vitest';
import { ConnectFailedError, type StateChange, SmoothAgentClient } from '../src/index';
import { within } from './peer';
import {
  connected,
  expectSilence,
  failure,
  grant,
  rejection,
  response,
  running,
  SESSION,
  settled,
  stage,
  token,
  until,
} from './setup';

describe('connect', () => {
  it('REQ-CONN-03 shares one attempt and does nothing while open', async () => {
    const { client, peer } = await stage();
    await Promise.all([client.connect(), client.connect(), client.connect()]);
    await client.connect();
    expect([peer.requests.length, client.state]).toEqual([1, 'open']);
  });

  it('REQ-CONN-03 works again after close() and after a lost link', async () => {
    const { client, peer } = await stage();
    await client.connect();
    await peer.link();
    await client.close();
    await client.connect();
    const second = await peer.link();
    second.drop();
    await until('the link is lost', () => client.state === 'closed');
    await client.connect();
    const third = await peer.link();
    await expectSilence({ client, link: third } as never);
  });

  it('REQ-CONN-04 fails fast, is idle again, and says so in one state event', async () => {
    const client = new SmoothAgentClient({ url: 'ws://127.0.0.1:1/ws?token=hush', token: 'hush' });
    const seen: StateChange[] = [];
    client.on('state', (change) => seen.push(change));
    const error = await rejection(client.connect());
    expect(error).toBeInstanceOf(ConnectFailedError);
    expect(error).toMatchObject({ kind: 'connect_failed', retryable: true });
    expect(`${error.message}${error.stack}`).not.toContain('hush');
    expect(client.state).toBe('idle');
    expect(seen.map(({ current, reason }) => [current, reason])).toEqual([
      ['connecting', 'connect'],
      ['idle', 'connect_failed'],
    ]);
    expect(seen[1]?.error).toBe(error);
  });

  it('REQ-CONN-04 connectTimeout bounds the attempt', async () => {
    const { client, clock } = await stage({ connectTimeoutMs: 500 }, { hold: true });
    const failed = rejection(client.connect());
    await clock.advance(499);
    expect(client.state).toBe('connecting');
    await clock.advance(1);
    expect(await failed).toMatchObject({ kind: 'connect_failed' });
    expect(client.state).toBe('idle');
  });

  it('REQ-CONN-04 a call and a turn wait for the attempt and fail with its kind, each under its own id', async () => {
    const { client, clock } = await stage({ connectTimeoutMs: 500 }, { hold: true });
    const connecting = rejection(client.connect());
    const call = rejection(client.getSession({ sessionId: SESSION }));
    const turn = client.sendMessage({ sessionId: SESSION, message: 'hi' });
    const ended = rejection(turn.result());
    await clock.advance(500);
    const error = await connecting;
    const [failedCall, failedTurn] = [await call, await ended];
    expect([failedCall.kind, failedTurn.kind]).toEqual([error.kind, error.kind]);
    expect([failedCall.cause, failedTurn.cause]).toEqual([error, error]);
    expect(failedTurn.requestId).toBe(turn.requestId);
    expect([error.requestId, typeof failedCall.requestId]).toEqual([undefined, 'string']);
    expect(failedCall.requestId).not.toBe(failedTurn.requestId);
  });

  it('REQ-CONN-04 REQ-CONN-16 what waited is written in the order of the calls', async () => {
    const { client, peer } = await stage({}, { hold: true });
    const connecting = client.connect();
    const first = client.getSession({ sessionId: 'one' }).catch(() => {});
    client.sendMessage({ sessionId: SESSION, message: 'two' }).detach();
    const third = client.listConversations().catch(() => {});
    await until('the handshake', () => peer.requests.length === 1);
    peer.release();
    await connecting;
    const link = await peer.link();
    const frames = [await link.recv(), await link.recv(), await link.recv()];
    expect(frames.map((frame) => frame.action)).toEqual([
      'get_session',
      'send_message',
      'list_conversations',
    ]);
    await client.close();
    await Promise.all([first, third]);
  });

  it('REQ-CONN-05 close() during an attempt ends it', async () => {
    const { client } = await stage({}, { hold: true });
    const connecting = rejection(client.connect());
    const call = rejection(client.ping());
    await settled();
    await client.close();
    expect([await connecting, await call]).toMatchObject([
      { kind: 'client_closed' },
      { kind: 'client_closed' },
    ]);
    expect(client.state).toBe('closed');
  });

  it('REQ-CALL-09 a signal ends the wait for connect alone', async () => {
    const { client, peer } = await stage({}, { hold: true });
    const abort = new AbortController();
    const connecting = rejection(client.connect({ signal: abort.signal }));
    const reason = new Error('mine');
    abort.abort(reason);
    expect(await connecting).toBe(reason);
    await until('the handshake', () => peer.requests.length === 1);
    peer.release();
    await peer.link();
    await client.connect();
    expect(client.state).toBe('open');
  });

  it('REQ-CONN-11 asks a token provider before every attempt; its failure fails the attempt', async () => {
    const tokens = ['one', 'two'];
    const { client, peer } = await stage({
      token: async () => {
        const token = tokens.shift();
        if (!token) throw new Error('hush');
        return token;
      },
    });
    await client.connect();
    await client.close();
    await client.connect();
    await client.close();
    expect(peer.requests.map((request) => request.url)).toEqual(['/ws?token=one', '/ws?token=two']);
    const error = await rejection(client.connect());
    expect(error.kind).toBe('connect_failed');
    expect(error.message).not.toContain('hush');
  });

  it('REQ-CONN-11 a provider that hangs is bounded by connectTimeout', async () => {
    const { client, clock, peer } = await stage({ token: () => new Promise(() => {}) });
    const failed = rejection(client.connect());
    await clock.advance(10_000);
    expect(await failed).toMatchObject({ kind: 'connect_failed' });
    expect(peer.requests).toEqual([]);
  });

  it('REQ-CONN-10 a token in the header is nowhere else', async () => {
    const { client, peer } = await stage({
      token: 'abc',
      tokenIn: 'header',
      headers: { 'X-App': '1' },
      origin: 'https://example.org',
    });
    await client.connect();
    const [request] = peer.requests;
    expect(request?.url).toBe('/ws');
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer abc',
      'x-app': '1',
      origin: 'https://example.org',
    });
  });

  it('REQ-CONN-14 offers no permessage-deflate', async () => {
    const { client, peer } = await stage();
    await client.connect();
    expect(peer.requests[0]?.headers['sec-websocket-extensions']).toBeUndefined();
  });
});

describe('lazy', () => {
  it('REQ-CONN-09 an action without a link fails at once', async () => {
    const { client } = await stage();
    expect(await rejection(client.ping())).toMatchObject({ kind: 'not_connected' });
    const turn = client.sendMessage({ sessionId: SESSION, message: 'hi' });
    expect(await rejection(turn.result())).toMatchObject({ kind: 'not_connected' });
    expect(client.state).toBe('idle');
  });

  it('REQ-CONN-09 with lazy the first action connects', async () => {
    const { client, peer } = await stage({ lazy: true });
    const made = client.startConversation({ agentId: 'a' });
    const link = await peer.link();
    await grant(link);
    expect((await made).sessionId).toBe(SESSION);
  });
});

describe('close', () => {
  it('REQ-CONN-05 sends 1000, may be called again, and never rejects', async () => {
    const { client, link } = await connected();
    await Promise.all([client.close(), client.close()]);
    await client.close();
    expect([await within('the code', link.closed), client.state]).toEqual([1000, 'closed']);
  });

  it('REQ-CONN-05 a peer that does not answer is dropped after closeTimeout', async () => {
    const { client, clock, link } = await connected();
    link.request.socket.pause();
    let returned = false;
    const closing = client.close().then(() => {
      returned = true;
    });
    await clock.advance(4_999);
    expect(returned).toBe(false);
    await clock.advance(1);
    await within('close', closing);
  });

  it('REQ-CONN-05 closeTimeout 0 does not wait', async () => {
    const { client, link } = await connected({ closeTimeoutMs: 0 });
    link.request.socket.pause();
    await within('close', client.close(), 500);
  });

  it('REQ-CONN-06 settles calls, verbs and turns with client_closed before it returns', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send({
      type: 'write_confirmation_required',
      requestId,
      data: { requestId, data: { toolId: 't', actionDescription: 'Pay' } },
    });
    await until('the question', () => turn().question('confirmation') !== undefined);
    const kinds: string[] = [];
    const note = (error: { kind: string }): void => {
      kinds.push(error.kind);
    };
    turn().confirm(true).catch(note);
    client.getSession({ sessionId: SESSION }).catch(note);
    turn().result().catch(note);
    await client.close();
    expect(kinds).toEqual(['client_closed', 'client_closed', 'client_closed']);
  });

  it('REQ-CONN-05 is what `await using` calls', async () => {
    const { client, link } = await connected();
    await client[Symbol.asyncDispose]();
    expect(await within('the code', link.closed)).toBe(1000);
  });
});

describe('a link that ends', () => {
  it.each([
    [
      'with a code',
      (link: { socket: { close(code?: number): void } }) => link.socket.close(4000),
      'closed_by_peer',
      4000,
    ],
    [
      'without a code',
      (link: { socket: { close(code?: number): void } }) => link.socket.close(),
      'closed_by_peer',
      1005,
    ],
    ['without a close frame', (link: { drop(): void }) => link.drop(), 'lost', 1006],
    [
      'with 1000 from the server',
      (link: { socket: { close(code?: number): void } }) => link.socket.close(1000),
      'closed_by_peer',
      1000,
    ],
  ] as const)(
    'REQ-CONN-15 %s fails calls and turns with its code',
    async (_, end, reason, code) => {
      const stageOf = await connected();
      const { client, link } = stageOf;
      const seen: StateChange[] = [];
      client.on('state', (change) => seen.push(change));
      const { turn, requestId } = await running(stageOf);
      link.send(token(requestId, 'half'));
      await until('the token', () => turn().partialText === 'half');
      const call = rejection(client.getSession({ sessionId: SESSION }));
      const ended = rejection(turn().result());
      await link.recv();
      end(link as never);
      expect(await call).toMatchObject({
        kind: 'connection_lost',
        closeCode: code,
        retryable: true,
      });
      expect(await ended).toMatchObject({
        kind: 'turn_interrupted',
        closeCode: code,
        requestId,
        sessionId: SESSION,
        partialText: 'half',
        details: { sent: true },
      });
      await settled();
      expect(seen).toEqual([{ previous: 'open', current: 'closed', reason, code }]);
    },
  );

  it('REQ-CONN-15 REQ-CONN-12 close code 4401 is failed authentication', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const { turn } = await running(stageOf);
    const call = rejection(client.ping());
    const ended = rejection(turn().result());
    link.socket.close(4401);
    expect([await call, await ended]).toMatchObject([
      { kind: 'authentication', closeCode: 4401 },
      { kind: 'authentication', closeCode: 4401 },
    ]);
  });
});

describe('malformed frames', () => {
  it('REQ-WIRE-04 drops them with one warning and closes with 4400 at the tenth in a row', async () => {
    const { client, link, log } = await connected();
    link.text(...Array.from({ length: 9 }, () => '[]'));
    link.send({ type: 'anything' });
    link.socket.send(Buffer.from([1, 2]));
    link.text(...Array.from({ length: 8 }, () => 'nonsense'));
    await expectSilence({ client, link } as never);
    link.text(...Array.from({ length: 10 }, () => '{}'));
    expect(await within('the code', link.closed)).toBe(4400);
    await until('closed', () => client.state === 'closed');
    expect(log.filter((line) => line.includes('malformed'))).toHaveLength(1);
  });

  it('REQ-WIRE-03 a known frame with a broken body does not count', async () => {
    const { client, link } = await connected();
    link.send(...Array.from({ length: 12 }, () => ({ type: 'stream_token', data: 5 })));
    await expectSilence({ client, link } as never);
    expect(client.state).toBe('open');
  });
});

describe('logs', () => {
  it('REQ-LOG-01 payloads only with logPayloads; tokens never', async () => {
    for (const logPayloads of [false, true]) {
      const { client, peer, log } = await stage({ logPayloads, token: 'hush' });
      await client.connect();
      const link = await peer.link();
      const made = client.createConversationSession({ agentId: 'a', userName: 'Ada' });
      await grant(link);
      await made;
      const text = log.join('\n');
      expect([text.includes('Ada'), text.includes('hush')]).toEqual([logPayloads, false]);
    }
  });

  it('REQ-WIRE-01 warns once about an unknown type', async () => {
    const { client, link, log } = await connected();
    link.send({ type: 'stream_video' }, { type: 'stream_video' });
    await expectSilence({ client, link } as never);
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([
      'warn unknown event type %s stream_video',
    ]);
  });
});

describe('concurrency', () => {
  it('REQ-CONN-17 calls, turns, connect and close from everywhere settle exactly once', async () => {
    const { client } = await stage({ lazy: true });
    const settledOnce = Array.from({ length: 50 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n % 7));
      if (n % 10 === 9) await client.close();
      const connecting = client.connect().catch((error) => error.kind);
      const call = client.ping().catch((error) => error.kind);
      const turn = client.sendMessage({ sessionId: SESSION, message: String(n) });
      const ended = turn.result().catch((error) => error.kind);
      if (n % 10 === 8) await client.close();
      return Promise.all([call, ended, connecting]);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await client.close();
    const kinds = new Set((await within('all of them', Promise.all(settledOnce))).flat());
    expect([...kinds].filter((kind) => kind !== undefined)).toEqual(['client_closed']);
    expect(client.state).toBe('closed');
  });
});

describe('turns', () => {
  it('REQ-TURN-17 what happens to one turn or call disturbs no other', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const one = await running(stageOf);
    const two = await running(stageOf);
    const ended = rejection(one.turn().result());
    link.send(failure(one.requestId, 'AGENT_ERROR'));
    expect(await ended).toMatchObject({ kind: 'server_error', code: 'AGENT_ERROR' });
    link.send(token(two.requestId, 'goes on'));
    await until('the token', () => two.turn().partialText === 'goes on');
    const call = client.getSession({ sessionId: SESSION });
    const frame = await link.recv();
    link.send(response(frame.requestId as string, { sessionId: SESSION, conversationId: 'c' }));
    expect((await call).conversationId).toBe('c');
    two.turn().detach();
  });
});

describe('a refused handshake', () => {
  it('REQ-CONN-22 REQ-CONN-23 tells status, pause, body and id', async () => {
    const more = 'Retry-After: 2\r\nX-Request-Id: x-1\r\n';
    const { client } = await stage({}, { status: 503, body: `ü${'x'.repeat(5_000)}`, more });
    const error = await rejection(client.connect());
    const body = `ü${'x'.repeat(4_094)}`;
    const details = { status: 503, retryAfterMs: 2_000, body, requestId: 'x-1' };
    expect(error).toMatchObject({ kind: 'connect_failed', retryable: true, details });
    expect(error.message).toContain('HTTP 503');
  });

  it.each([
    [200, false],
    [302, false],
    [403, false],
    [408, true],
    [429, true],
    [500, true],
    [501, false],
    [505, false],
  ])(
    'REQ-CONN-23 says of status %i whether another attempt may help: %s',
    async (status, retry) => {
      const { client } = await stage({}, { status });
      expect(await rejection(client.connect())).toMatchObject({ retryable: retry });
    },
  );

  it('REQ-ERR-08 names host and reason, and keeps the cause of the system', async () => {
    const client = new SmoothAgentClient({ url: 'ws://127.0.0.1:1/?token=hush', token: 'hush' });
    const error = await rejection(client.connect());
    expect(error.message).toMatch(/127\.0\.0\.1:1.*ECONNREFUSED/);
    expect(error.cause).toBeInstanceOf(Error);
    expect(`${error.message}${(error.cause as Error).stack}`).not.toContain('hush');
  });

  it('REQ-CONN-28 refuses what a token provider gives that is no token', async () => {
    const given = [5, undefined, 'a\nb'] as string[];
    for (const token of given) {
      const { client } = await stage({ token: () => token, tokenIn: 'header' });
      const error = await rejection(client.connect());
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^token: /);
    }
  });
});
