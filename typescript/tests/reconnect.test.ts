// A lost link is sought again: what frames do not show. The cases of conformance/ hold the rest.
import { describe, expect, it, vi } from 'vitest';
import {
  AuthenticationError,
  type ClientOptions,
  type LinkEnd,
  type Receiver,
  SmoothAgentClient,
  type StateChange,
  type Transport,
  TurnInterruptedError,
} from '../src/index';
import { VirtualClock } from '../src/testing/index';
import { defaultOpener } from '../src/transport';
import {
  connected,
  final,
  grant,
  LINK_TIMERS,
  type OpenStage,
  rejection,
  response,
  running,
  SESSION,
  settled,
  stage,
  token,
  until,
} from './setup';

const SEEKING: Partial<ClientOptions> = { autoReconnect: true, random: () => 0.5 };

/** A client with an open link that is sought again when it is lost, and what its state did. */
async function seeking(options: Partial<ClientOptions> = {}) {
  const opened = await connected({ ...SEEKING, ...options });
  const changes: StateChange[] = [];
  opened.client.on('state', (change) => changes.push(change));
  return { ...opened, changes };
}

/** Loses the link and waits until the client knows. */
async function lose({ client, link }: OpenStage, state = 'reconnecting'): Promise<void> {
  link.drop();
  await until(state, () => client.state === state);
}

/** An opener of sockets that are none. */
function sockets() {
  const made: { end(end: LinkEnd): void }[] = [];
  const opener = (): Transport => {
    let gone = (): void => {};
    let receiver: Receiver | undefined;
    made.push({
      end: (end) => {
        receiver?.ended(end);
        gone();
      },
    });
    return {
      opened: Promise.resolve(),
      gone: new Promise((resolve) => {
        gone = resolve;
      }),
      buffered: 0,
      attach: (given) => {
        receiver = given;
      },
      send: () => {},
      drained: async () => {},
      close: () => gone(),
      terminate: () => gone(),
    };
  };
  return { made, opener };
}

describe('a lost link', () => {
  it('REQ-CONN-30 REQ-CONN-31 REQ-CONN-41 is sought after a wait that state event and log tell', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const opened = await seeking();
    await lose(opened);
    await opened.clock.advance(249);
    expect(opened.client.state).toBe('reconnecting');
    await opened.clock.advance(1);
    await until('open', () => opened.client.state === 'open');
    await settled();
    expect(opened.changes).toEqual([
      {
        previous: 'open',
        current: 'reconnecting',
        reason: 'lost',
        code: 1006,
        attempt: 1,
        retryInMs: 250,
      },
      { previous: 'reconnecting', current: 'open', reason: 'opened' },
    ]);
    const lines = opened.log.filter((line) => line.startsWith('debug'));
    expect(lines).toEqual([expect.stringMatching(/ended with .* 1006 attempt 1 in 250 ms$/)]);
    expect(opened.clock.timers).toBe(LINK_TIMERS);
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('REQ-CONN-37 there are never two sockets, also when the one before does not go', async () => {
    let [live, most] = [0, 0];
    const opener: ClientOptions['opener'] = async (request) => {
      const transport = await defaultOpener(request);
      live += 1;
      most = Math.max(most, live);
      void transport.gone.then(() => {
        live -= 1;
      });
      return transport;
    };
    const options = { pingIntervalMs: 1_000, pongTimeoutMs: 500, random: () => 0, opener };
    const { client, clock, link, peer } = await seeking(options);
    link.request.socket.pause(); // answers neither the ping nor the close frame
    await clock.advance(1_500);
    await peer.link();
    await until('open', () => client.state === 'open');
    expect([most, live, client.counters.reconnects]).toEqual([1, 1, 1]);
    // Nor when the caller connects while the close frame is on its way.
    const closing = client.close();
    await client.connect();
    await closing;
    expect([most, live]).toEqual([1, 1]);
  });

  it('REQ-CONN-37 close() ends a wait and an attempt at once', async () => {
    const plan = { hold: false };
    const waiting = await stage(SEEKING, plan);
    await waiting.client.connect();
    await lose({ ...waiting, link: await waiting.peer.link() });
    await waiting.client.close();
    expect([waiting.client.state, waiting.clock.timers]).toEqual(['closed', 0]);
    await waiting.client.connect();
    plan.hold = true;
    await lose({ ...waiting, link: await waiting.peer.link() });
    await waiting.clock.advance(250);
    await until('the attempt', () => waiting.peer.requests.length === 3);
    const joined = rejection(waiting.client.connect());
    await waiting.client.close();
    expect([(await joined).kind, waiting.clock.timers]).toEqual(['client_closed', 0]);
  });

  it('REQ-CONN-37 a thousand of them leave nothing behind', async () => {
    const { made, opener } = sockets();
    const { client, clock } = await stage({ ...SEEKING, opener, random: () => 0 });
    await client.connect();
    for (let round = 0; round < 1_000; round += 1) {
      made.at(-1)?.end({ reason: 'closed_by_peer', code: 1001 });
      while (client.state !== 'open') await clock.advance(500);
    }
    expect([client.counters.connects, client.counters.reconnects]).toEqual([1_001, 1_000]);
    expect(clock.timers).toBe(LINK_TIMERS);
  }, 60_000);

  it('REQ-CONN-35 connect() waits for the one attempt that it begins, and the seeking goes on', async () => {
    const plan: { status?: number } = {};
    const opened = await stage(SEEKING, plan);
    await opened.client.connect();
    await lose({ ...opened, link: await opened.peer.link() });
    plan.status = 503;
    expect(await rejection(opened.client.connect())).toMatchObject({ kind: 'connect_failed' });
    expect(opened.client.state).toBe('reconnecting');
    delete plan.status;
    await opened.client.connect();
    expect(opened.client.state).toBe('open');
  });

  it('REQ-CONN-36 is given up with the last error as its cause, and what waited fails with it', async () => {
    const plan: { status?: number } = {};
    const opened = await stage({ ...SEEKING, maxReconnectAttempts: 1 }, plan);
    await opened.client.connect();
    plan.status = 500;
    await lose({ ...opened, link: await opened.peer.link() });
    const call = rejection(opened.client.getSession({ sessionId: SESSION }));
    await opened.clock.advance(250);
    const error = await call;
    expect(error).toMatchObject({ kind: 'reconnect_exhausted', requestId: 'req-1' });
    expect(error.cause).toMatchObject({
      kind: 'reconnect_exhausted',
      cause: { kind: 'connect_failed', details: { status: 500 } },
    });
    expect(opened.client.state).toBe('closed');
  });

  it('REQ-CONN-11 REQ-CONN-34 the provider hears why it is asked, and may end the seeking', async () => {
    const reasons: string[] = [];
    const opened = await seeking({
      token: ({ reason }) => {
        reasons.push(reason);
        if (reason === 'reconnect') throw new AuthenticationError('logged out');
        return 'a';
      },
    });
    opened.link.socket.close(4401);
    const again = await opened.peer.link();
    await until('open', () => opened.client.state === 'open');
    await lose({ ...opened, link: again });
    await opened.clock.advance(250);
    await until('closed', () => opened.client.state === 'closed');
    expect(reasons).toEqual(['connect', 'rejected', 'reconnect']);
  });

  it('REQ-CONN-41 a random source that breaks ends no seeking', async () => {
    const opened = await seeking({
      random: () => {
        throw new Error('empty');
      },
    });
    await lose(opened);
    await opened.clock.advance(250);
    await until('open', () => opened.client.state === 'open');
  });

  it('REQ-CONN-41 an opener whose socket breaks as it opens is a lost link', async () => {
    const { opener } = sockets();
    const attach = (): never => {
      throw new Error('no');
    };
    const { client, log } = await stage({ opener: () => ({ ...opener(), attach }) });
    await client.connect();
    expect(client.state).toBe('closed');
    expect(log.join()).toContain('a transport failed as it opened');
  });

  it('REQ-CONN-42 a session that was known makes a link that is found again one that missed', async () => {
    const opened = await seeking();
    const made = opened.client.startConversation({ agentId: 'a' });
    await grant(opened.link);
    await made;
    await lose(opened);
    await opened.clock.advance(250);
    await until('open', () => opened.client.state === 'open');
    await settled();
    expect(opened.changes.map(({ missed }) => missed)).toEqual([undefined, true]);
  });
});

describe('what waits for a link', () => {
  it('REQ-CALL-13 REQ-CONN-40 a read is written again before what was called later', async () => {
    const opened = await seeking();
    const read = opened.client.getSession({ sessionId: SESSION });
    await opened.link.recv();
    await lose(opened);
    const turn = opened.client.sendMessage({ sessionId: SESSION, message: 'hi' });
    await opened.clock.advance(250);
    const link = await opened.peer.link();
    expect([await link.recv(), await link.recv()]).toMatchObject([
      { action: 'get_session', requestId: 'req-1' },
      { action: 'send_message', requestId: 'req-2' },
    ]);
    turn.detach();
    link.send(response('req-1', {}, 500), final('req-2'));
    await rejection(read);
    await turn;
  });

  it.each(['queue_full', 'not_connected'])('REQ-CONN-40 more fails with %s', async (kind) => {
    const isFull = kind === 'queue_full';
    const opened = await seeking(isFull ? { queueLimit: 0 } : { queuePolicy: 'fail_fast' });
    await lose(opened);
    const call = rejection(opened.client.ping());
    const turn = rejection(opened.client.sendMessage({ sessionId: SESSION, message: 'x' }));
    const lone = { requestId: 'x', sessionId: SESSION };
    const cancel = rejection(opened.client.cancel(lone));
    const kinds = [(await call).kind, (await turn).kind, (await cancel).kind];
    expect(kinds).toEqual([kind, kind, kind]);
  });

  it('REQ-CONN-40 what was taken back makes room', async () => {
    const opened = await seeking({ queueLimit: 1 });
    await lose(opened);
    const abort = new AbortController();
    const first = rejection(opened.client.ping({ signal: abort.signal }));
    abort.abort(new Error('mine'));
    await first;
    const second = rejection(opened.client.ping());
    await opened.client.close();
    expect((await second).kind).toBe('client_closed');
  });
});

describe('recover', () => {
  it('REQ-TURN-30 the error of a lost turn asks the history', async () => {
    const opened = await seeking();
    const { turn, requestId } = await running(opened);
    await lose(opened);
    const error = await rejection(turn().result());
    expect(error).toBeInstanceOf(TurnInterruptedError);
    const found = (error as unknown as TurnInterruptedError).recover();
    await opened.clock.advance(250);
    const link = await opened.peer.link();
    const asked = await link.recv();
    const about = { content: { text: 'x' }, createdAt: '2026-01-01T00:00:00Z', requestId };
    const messages = [
      { ...about, id: '2', direction: 'outbound' },
      { ...about, id: '1', direction: 'inbound', turn: 'completed' },
    ];
    link.send(response(asked.requestId as string, { messages, hasMore: false }));
    expect(await found).toMatchObject({ status: 'answered', message: { id: '2' } });
  });

  it('REQ-TURN-30 an error that no turn made knows nothing', async () => {
    expect(await new TurnInterruptedError('x').recover()).toEqual({ status: 'unknown' });
  });
});

describe('counters', () => {
  it('REQ-LOG-03 a result says how long it took, by the clock of the client', async () => {
    const opened = await connected();
    const { turn, requestId } = await running(opened);
    await opened.clock.advance(40);
    opened.link.send(token(requestId, 'a'));
    await until('the token', () => turn().partialText === 'a');
    await opened.clock.advance(60);
    expect(opened.client.counters.openTurns).toBe(1);
    opened.link.send(final(requestId));
    expect(await turn()).toMatchObject({ durationMs: 100, timeToFirstTokenMs: 40 });
    expect(opened.client.counters).toEqual({
      connects: 1,
      reconnects: 0,
      framesIn: 3,
      framesOut: 1,
      droppedFrames: 0,
      openTurns: 0,
      resumedTurns: 0,
    });
    const other = await running(opened);
    opened.link.send(final(other.requestId));
    expect(await other.turn()).not.toHaveProperty('timeToFirstTokenMs');
  });

  it('REQ-LOG-03 are a copy', () => {
    const client = new SmoothAgentClient({ url: 'ws://127.0.0.1:1/', clock: new VirtualClock() });
    expect(client.counters).not.toBe(client.counters);
  });
});
