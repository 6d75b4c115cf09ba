import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SmoothAgentClient } from '../src/index';
import { throwAwayCertificate } from './certificate';
import { Peer, within } from './peer';
import {
  connected,
  expectSilence,
  rejection,
  running,
  settled,
  stage,
  startPeer,
  token,
  until,
} from './setup';

describe('handshake', () => {
  it.each([
    [401, 'authentication'],
    [403, 'connect_failed'],
    [500, 'connect_failed'],
    [302, 'connect_failed'],
  ])('REQ-CONN-12 an answer of %i is %s with its status', async (status, kind) => {
    const { client, peer } = await stage({}, { status });
    expect(await rejection(client.connect())).toMatchObject({ kind, details: { status } });
    expect([client.state, peer.requests.length]).toEqual(['idle', 1]);
  });

  it('REQ-CONN-12 a peer that speaks something else is connect_failed', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0\r\n'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as { port: number };
    const client = new SmoothAgentClient({ url: `ws://127.0.0.1:${port}/` });
    expect(await rejection(client.connect())).toMatchObject({ kind: 'connect_failed' });
    server.close();
  });
});

describe('wss:', () => {
  it('REQ-CONN-13 works with an added root, and fails without it', async () => {
    const tls = throwAwayCertificate();
    const peer = await startPeer({ tls });
    const client = new SmoothAgentClient({ url: peer.url, roots: tls.cert });
    await client.connect();
    await expectSilence({ client, link: await peer.link() } as never);
    await client.close();
    const stranger = new SmoothAgentClient({ url: peer.url });
    expect(await rejection(stranger.connect())).toMatchObject({
      kind: 'connect_failed',
      details: {},
    });
  });

  it('REQ-CONN-13 a root of somebody else is not enough', async () => {
    const peer = await startPeer({ tls: throwAwayCertificate() });
    const client = new SmoothAgentClient({ url: peer.url, roots: [throwAwayCertificate().cert] });
    expect(await rejection(client.connect())).toMatchObject({ kind: 'connect_failed' });
  });
});

describe('frames', () => {
  it('REQ-WIRE-10 a text message that is not UTF-8 closes with 1007', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const { turn } = await running(stageOf);
    const reasons: string[] = [];
    client.on('state', ({ reason, code }) => reasons.push(`${reason} ${code}`));
    const ended = rejection(turn().result());
    link.raw(0x81, 0x02, 0xc3, 0x28);
    expect(await ended).toMatchObject({ kind: 'turn_interrupted', closeCode: 1007 });
    expect(await within('the code', link.closed)).toBe(1007);
    expect(reasons).toEqual(['invalid_utf8 1007']);
  });

  it('REQ-WIRE-11 a message over maxMessageBytes closes with 1009 and fails everything', async () => {
    const stageOf = await connected({ maxMessageBytes: 1000 });
    const { client, link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const call = rejection(client.ping());
    const ended = rejection(turn().result());
    link.send(token(requestId, 'x'.repeat(2000)));
    expect(await within('the code', link.closed)).toBe(1009);
    expect([await call, await ended]).toMatchObject([
      { kind: 'message_too_large' },
      { kind: 'message_too_large' },
    ]);
  });

  it('REQ-WIRE-11 a message of exactly maxMessageBytes is taken', async () => {
    const frame = JSON.stringify({ type: 'x', pad: 'é'.repeat(100) });
    const { client, link } = await connected({ maxMessageBytes: Buffer.byteLength(frame) });
    const seen: string[] = [];
    client.on('event', (event) => seen.push(event.type));
    link.text(frame);
    await until('the event', () => seen.length === 1);
  });

  it('REQ-CONN-14 answers pings', async () => {
    const { link } = await connected();
    const pong = new Promise((resolve) => link.socket.once('pong', resolve));
    link.socket.ping('x');
    await within('a pong', pong);
  });

  it('REQ-CALL-05 writes one text message with one object, non-ASCII as it is', async () => {
    const { client, link } = await connected();
    const texts: [string, boolean][] = [];
    link.socket.on('message', (data, isBinary) => texts.push([String(data), isBinary]));
    client.sendMessage({ sessionId: 's', message: 'Grüße 😀', requestId: 'r' }).detach();
    await link.recv();
    expect(texts).toEqual([
      ['{"action":"send_message","requestId":"r","sessionId":"s","message":"Grüße 😀"}', false],
    ]);
  });

  it('REQ-CALL-10 an outbound message over 1 MiB is refused before anything is sent', async () => {
    const stageOf = await connected();
    const { client } = stageOf;
    const message = 'é'.repeat(600_000);
    const turn = client.sendMessage({ sessionId: 's', message: 'hi', model: message });
    expect(await rejection(turn.result())).toMatchObject({ kind: 'message_too_large' });
    const call = client.createConversationSession({ agentId: 'a', userName: message });
    expect(await rejection(call)).toMatchObject({ kind: 'message_too_large' });
    await expectSilence(stageOf);
  });

  it('REQ-CONN-18 senders wait while more than 4 MiB are buffered', async () => {
    const { client, link } = await connected();
    link.request.socket.pause();
    const model = 'x'.repeat(1_000_000);
    const turns = Array.from({ length: 12 }, (_, n) => {
      const turn = client.sendMessage({ sessionId: 's', message: 'hi', model, requestId: `r${n}` });
      turn.detach();
      return { cancelled: () => turn.cancel() };
    });
    expect(turns).toHaveLength(12);
    await settled();
    link.request.socket.resume();
    const ids: unknown[] = [];
    for (let n = 0; n < 12; n += 1) ids.push((await link.recv()).requestId);
    expect(ids).toEqual(turns.map((_, n) => `r${n}`));
  });
});

describe('the WebSocket of the platform', () => {
  /** A client whose `ws` is missing, on a WebSocket that stands in for the platform's. */
  async function platformClient(url: string, options = {}): Promise<SmoothAgentClient> {
    const { WebSocket } = await import('ws');
    vi.resetModules();
    vi.doMock('ws', () => ({ WebSocket: undefined }));
    vi.stubGlobal('WebSocket', WebSocket);
    const sdk = await import('../src/index');
    return new sdk.SmoothAgentClient({ url, ...options });
  }

  afterEach(() => {
    vi.doUnmock('ws');
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('REQ-CONN-12 talks, and reports a refused handshake without its status', async () => {
    const peer = await Peer.start();
    const client = await platformClient(peer.url, { autoReconnect: false });
    await client.connect();
    const link = await peer.link();
    await expectSilence({ client, link } as never);
    link.socket.send(Buffer.from([1]));
    link.socket.close(4000);
    await until('closed', () => client.state === 'closed');
    await peer.stop();
    const refusing = await Peer.start({ status: 401 });
    const refused = await platformClient(refusing.url);
    expect(await rejection(refused.connect())).toMatchObject({
      kind: 'connect_failed',
      details: {},
    });
    await refusing.stop();
  });

  it('REQ-WIRE-11 closes with 4409 when a message is too large', async () => {
    const peer = await Peer.start();
    const client = await platformClient(peer.url, { maxMessageBytes: 10 });
    await client.connect();
    const link = await peer.link();
    link.send({ type: 'much too large' });
    expect(await within('the code', link.closed)).toBe(4409);
    await client.close();
    await peer.stop();
  });

  it('REQ-CONN-10 refuses headers, which it cannot send', async () => {
    const client = await platformClient('ws://127.0.0.1:1/', { token: 't', tokenIn: 'header' });
    expect(await rejection(client.connect())).toMatchObject({ kind: 'connect_failed' });
  });
});
