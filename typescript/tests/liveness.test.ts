// Whether an open link still lives: pings of the client's own, and a machine that slept.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from '../src/index';
import { connected, type OpenStage, rejection, SESSION, settled, stage, until } from './setup';

const LIVE: Partial<ClientOptions> = {
  autoReconnect: true,
  pingIntervalMs: 25_000,
  random: () => 0.5,
};

/** Takes the next frame, which is a ping of the client's own, and returns its id. */
async function pinged({ link }: OpenStage): Promise<string> {
  const { action, requestId } = await link.recv();
  expect(action).toBe('ping');
  return requestId as string;
}

describe('an open link', () => {
  it('REQ-CONN-38 is asked after a silence, and its answer reaches the tap alone', async () => {
    const opened = await connected(LIVE);
    const seen: unknown[] = [];
    opened.client.on('frame', ({ direction, type }) => seen.push([direction, type]));
    opened.client.on('event', (event) => seen.push(event));
    await opened.clock.advance(24_999);
    expect(seen).toEqual([]);
    await opened.clock.advance(1);
    const requestId = await pinged(opened);
    await opened.clock.advance(9_999);
    opened.link.send({ type: 'pong', requestId });
    await until('the pong', () => seen.length === 2);
    expect(seen).toEqual([
      ['out', 'ping'],
      ['in', 'pong'],
    ]);
    await opened.clock.advance(24_999);
    expect([opened.client.state, seen.length]).toEqual(['open', 2]);
  });

  it.each<[string, (opened: OpenStage) => void]>([
    ['an event', ({ link }) => link.send({ type: 'keepalive' })],
    ['a malformed frame', ({ link }) => link.text('{')],
    ['a binary message', ({ link }) => link.socket.send(Buffer.from([1]))],
  ])('REQ-CONN-38 %s is a sign of life', async (_, say) => {
    const opened = await connected(LIVE);
    await opened.clock.advance(25_000);
    await pinged(opened);
    const waited = opened.clock.timers;
    const { framesIn } = opened.client.counters;
    say(opened);
    await until('the message', () => opened.client.counters.framesIn > framesIn);
    expect(opened.clock.timers).toBe(waited - 1); // nothing is waited for
    await opened.clock.advance(24_999);
    expect(opened.client.state).toBe('open');
  });

  it('REQ-CONN-38 that gives none is closed with 4408 and lost', async () => {
    const opened = await connected(LIVE);
    const call = rejection(opened.client.renameConversation({ conversationId: 'c', title: 't' }));
    await opened.link.recv();
    await opened.clock.advance(35_000);
    expect(await call).toMatchObject({ kind: 'request_timeout' });
    expect(opened.client.state).toBe('reconnecting');
    expect(await opened.link.closed).toBe(4408);
  });

  it('REQ-CONN-38 a ping that follows does not put the end off', async () => {
    const opened = await connected({ ...LIVE, pingIntervalMs: 2_000, pongTimeoutMs: 5_000 });
    await opened.clock.advance(6_999);
    expect(opened.client.state).toBe('open');
    await opened.clock.advance(1);
    expect(opened.client.state).toBe('reconnecting');
  });

  it('REQ-CONN-39 a clock that shows a sleep has it asked, with five seconds for the answer', async () => {
    const opened = await connected(LIVE);
    opened.clock.sleep(50_001);
    await opened.clock.advance(25_000);
    await pinged(opened);
    await opened.clock.advance(4_999);
    expect(opened.client.state).toBe('open');
    await opened.clock.advance(1);
    expect(opened.client.state).toBe('reconnecting');
  });

  it('REQ-CONN-39 a clock that was only set is no sleep', async () => {
    const opened = await connected(LIVE);
    opened.clock.sleep(50_000);
    await opened.clock.advance(25_000 + 5_000);
    expect(opened.client.state).toBe('open');
  });

  it('REQ-CONN-39 wake() asks at once; without a link it does nothing', async () => {
    const opened = await connected(LIVE);
    opened.client.wake();
    await pinged(opened);
    await opened.clock.advance(5_000);
    expect(opened.client.state).toBe('reconnecting');
    const idle = await stage(LIVE);
    idle.client.wake();
    expect([idle.client.state, idle.clock.timers]).toEqual(['idle', 0]);
  });

  it('REQ-CONN-41 is asked under an id of the client when the generator breaks', async () => {
    let isBroken = false;
    const opened = await connected({
      ...LIVE,
      idGenerator: () => {
        if (isBroken) throw new Error('empty');
        return 'own';
      },
    });
    isBroken = true;
    await opened.clock.advance(25_000);
    expect(await pinged(opened)).toMatch(/^req-/);
  });
});

describe('the platform', () => {
  afterEach(() => void vi.unstubAllGlobals());

  /** A page that can be looked at, and what listens to it. */
  function browser() {
    const heard = new Set<unknown>();
    const target = (): EventTarget & { visibilityState: string } => {
      const made = new EventTarget();
      const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
      return Object.assign(made, {
        visibilityState: 'visible',
        addEventListener: (type: string, call: () => void) => {
          heard.add(call);
          add.call(made, type, call);
        },
        removeEventListener: (type: string, call: () => void) => {
          heard.delete(call);
          remove.call(made, type, call);
        },
      });
    };
    const [window, document] = [target(), target()];
    vi.stubGlobal('window', window);
    vi.stubGlobal('document', document);
    return { window, document, heard };
  }

  it('REQ-CONN-35 a network that is there again ends the wait; nothing listens before and after', async () => {
    const { window, heard } = browser();
    const { client, peer } = await stage(LIVE);
    expect(heard.size).toBe(0);
    await client.connect();
    expect(heard.size).toBe(2);
    const link = await peer.link();
    link.drop();
    await until('lost', () => client.state === 'reconnecting');
    expect(heard.size).toBe(2);
    window.dispatchEvent(new Event('online'));
    await until('open', () => client.state === 'open');
    await client.close();
    expect(heard.size).toBe(0);
  });

  it('REQ-CONN-39 a page that is looked at again has the link asked, one that is hidden does not', async () => {
    const { document } = browser();
    const opened = await connected(LIVE);
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    await settled();
    expect(opened.client.counters.framesOut).toBe(0);
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    await pinged(opened);
    void opened.client.getSession({ sessionId: SESSION }).catch(() => {});
  });

  it('REQ-CONN-39 a window without events, as in React Native, is none', async () => {
    vi.stubGlobal('window', {});
    const { client } = await connected(LIVE);
    expect(client.state).toBe('open');
  });
});
