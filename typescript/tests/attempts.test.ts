// One attempt to connect: who may fail it, who may give it up, what its error shows.
import dns from 'node:dns';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { type Opener, SmoothAgentClient, type Transport } from '../src/index';
import { within } from './peer';
import { connected, rejection, stage, startPeer, until } from './setup';

/** A socket that opens and never goes. */
const stuck = (): Transport => ({
  opened: Promise.resolve(),
  gone: new Promise(() => {}),
  buffered: 0,
  attach: () => {},
  send: () => {},
  drained: () => new Promise(() => {}),
  close: () => {},
  terminate: () => {},
});

const raises = (fault: unknown): never => {
  throw fault;
};

describe('an attempt', () => {
  it.each<[string, Opener]>([
    ['raises', () => raises(new Error('GET /ws?token=hush'))],
    ['rejects', async () => raises(new Error('Authorization: hush'))],
    ['gives a socket that does not open', () => ({ ...stuck(), opened: Promise.reject('hush') })],
    [
      'raises an error that holds the request',
      () => raises(Object.assign(new Error('no'), { config: { headers: { 'x-key': 'hush' } } })),
    ],
  ])('REQ-CONN-21 an opener that %s fails it at once', async (_, opener) => {
    const { client } = await stage({
      opener,
      token: 'hush',
      headers: { 'x-key': 'hush' },
      connectTimeoutMs: 0,
    });
    const error = await within('the attempt', rejection(client.connect()));
    expect(error).toMatchObject({ kind: 'connect_failed' });
    expect((error as Error).cause).toBeDefined();
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hush');
  });

  it('REQ-CONN-28 what a token provider raises is its cause, without what is secret', async () => {
    const kept = new Error('the store is closed');
    const { client } = await stage({ token: () => raises(kept) });
    expect(await rejection(client.connect())).toMatchObject({
      kind: 'connect_failed',
      cause: kept,
    });
    const fault = new Error('refused', { cause: new Error('Bearer abc.def') });
    const other = await stage({ token: async () => raises(fault) });
    const error = await rejection(other.client.connect());
    expect(inspect(error, { depth: 9 })).not.toContain('abc.def');
    expect(inspect(error, { depth: 9 })).toContain('left out');
  });

  it.each([5, null, undefined, 'a\r\nb'])(
    'REQ-CONN-28 a token provider that gives %j is an argument error',
    async (token) => {
      const { client } = await stage({ token: () => token as never, tokenIn: 'header' });
      expect(await rejection(client.connect())).toBeInstanceOf(TypeError);
    },
  );

  it('REQ-CONN-26 goes on when its last waiter gives up', async () => {
    const { client, peer } = await stage({}, { hold: true });
    const abort = new AbortController();
    const connecting = rejection(client.connect({ signal: abort.signal }));
    await until('the handshake', () => peer.requests.length === 1);
    abort.abort(new Error('enough'));
    expect(await connecting).toMatchObject({ message: 'enough' });
    peer.release();
    await until('the link', () => client.state === 'open');
  });

  it('REQ-CONN-03 one that close() gave up does not end the next one', async () => {
    const { client, peer } = await stage({}, { hold: true });
    const first = rejection(client.connect());
    await until('the handshake', () => peer.requests.length === 1);
    const closing = client.close();
    const second = client.connect();
    expect(await first).toMatchObject({ kind: 'client_closed' });
    await closing;
    await until('the second handshake', () => peer.requests.length === 2);
    peer.release();
    await within('connect', second);
    expect(client.state).toBe('open');
  });

  it('REQ-CONN-25 an address that does not answer costs no attempt', async () => {
    const peer = await startPeer();
    const found = [
      { address: '192.0.2.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((
      _: string,
      options: { all?: boolean },
      done: (error: null, found: unknown, family?: number) => void,
    ) => {
      if (options.all) done(null, found);
      else done(null, found[0]?.address, 4);
    }) as never);
    try {
      const url = peer.url.replace('127.0.0.1', 'two.test');
      const client = new SmoothAgentClient({ url, connectTimeoutMs: 0, closeTimeoutMs: 0 });
      await within('connect', client.connect());
      await client.close();
    } finally {
      lookup.mockRestore();
    }
  });
});

describe('the end', () => {
  it('REQ-CONN-27 closeTimeout bounds a socket that does not go and listeners that hang', async () => {
    const { client, clock } = await stage({ opener: stuck });
    client.on('state', () => new Promise(() => {}));
    await client.connect();
    const closing = client.close();
    await clock.advance(5_000);
    await within('close', closing);
    expect(client.state).toBe('closed');
  });

  it('REQ-CONN-24 a loop that is gone is a lost link, and another one gives a client', async () => {
    const peer = await startPeer();
    const source = `
      const { SmoothAgentClient } = require('@smooai/smooth-operator');
      const client = new SmoothAgentClient({ url: ${JSON.stringify(peer.url)} });
      client.connect().then(() => client.ping());
    `;
    for (let round = 0; round < 2; round += 1) {
      const worker = new Worker(source, { eval: true });
      const link = await peer.link();
      expect(await link.recv()).toMatchObject({ action: 'ping' });
      await worker.terminate();
      expect(await within('the loss', link.closed)).toBe(1006);
    }
  });

  it('REQ-CONN-24 a socket that died beneath the client is lost; connect() gives another', async () => {
    const { client, link, peer } = await connected();
    const asked = rejection(client.ping());
    link.request.socket.resetAndDestroy();
    expect(await asked).toMatchObject({ kind: 'connection_lost', closeCode: 1006 });
    await within('connect', client.connect());
    await peer.link();
    expect(client.state).toBe('open');
  });
});
