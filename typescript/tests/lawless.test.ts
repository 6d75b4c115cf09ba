// Peers that break RFC 6455, and peers that send what nobody asked for.
import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SmoothAgentClient, type StateChange } from '../src/index';
import { within } from './peer';
import { connected, rejection, until } from './setup';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that says how each socket answers the handshake. */
function serve(answer: (socket: Socket, accept: string) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (head) => {
      const key = /sec-websocket-key: (.*)\r/i.exec(String(head))?.[1] ?? '';
      const hash = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      answer(socket, hash.digest('base64'));
    });
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    });
  });
}

const upgrade = (accept: string, more = ''): string =>
  `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${more}` +
  `Sec-WebSocket-Accept: ${accept}\r\n\r\n`;

describe('a lawless peer', () => {
  it.each([
    ['a reserved bit', [0xc1, 0x00]],
    ['a masked frame', [0x81, 0x80, 0, 0, 0, 0]],
    ['a ping in pieces', [0x09, 0x00]],
    ['a ping of 126 bytes', [0x89, 0x7e, 0x00, 0x7e, ...new Array(126).fill(0)]],
    ['a reserved opcode', [0x83, 0x00]],
    ['a close payload of one byte', [0x88, 0x01, 0x03]],
    ...[999, 1004, 1005, 1006, 1015, 2999, 5000].map(
      (code) => [`close code ${code}`, [0x88, 0x02, code >> 8, code & 0xff]] as const,
    ),
  ] as [string, number[]][])('REQ-WIRE-15 %s is answered and told as 1002', async (_, bytes) => {
    const { client, link } = await connected();
    const seen: StateChange[] = [];
    client.on('state', (change) => seen.push(change));
    const asked = rejection(client.ping());
    await link.recv();
    link.raw(...bytes);
    expect(await within('the loss', asked)).toMatchObject({
      kind: 'connection_lost',
      closeCode: 1002,
    });
    expect(await within('the close frame', link.closed)).toBe(1002);
    // Nobody's close frame came: what was read is no close frame that counts.
    expect(seen).toEqual([{ previous: 'open', current: 'closed', reason: 'lost', code: 1002 }]);
  });

  it('REQ-WIRE-15 an extension that nobody offered is refused', async () => {
    const more = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
    const url = await serve((socket, accept) => socket.write(upgrade(accept, more)));
    const client = new SmoothAgentClient({ url });
    const refused = within('the attempt', rejection(client.connect()));
    expect(await refused).toMatchObject({ kind: 'connect_failed' });
    await client.close();
  });

  it('REQ-WIRE-16 pongs that nobody waits for are dropped', async () => {
    const { client, link } = await connected();
    for (let n = 0; n < 10_000; n += 1) link.raw(0x8a, 0x01, 0x78);
    const asked = client.ping();
    const { requestId } = await link.recv();
    link.send({ type: 'pong', requestId, data: { timestamp: 1 } });
    expect(await within('the answer', asked)).toHaveProperty('roundTripMs');
  });

  it('REQ-WIRE-16 pings of a peer that reads nothing are answered without a queue', async () => {
    const { client, link } = await connected();
    const { socket } = link.request;
    const pings = 200_000;
    const ping = Buffer.alloc(127, 0x78);
    ping.set([0x89, 0x7d]);
    let pongs = 0;
    link.socket.on('pong', () => {
      pongs += 1;
    });
    socket.pause();
    for (let n = 0; n < pings; n += 1000) {
      const isGone = socket.write(Buffer.concat(new Array(1000).fill(ping)));
      if (!isGone) await new Promise((resolve) => socket.once('drain', resolve));
    }
    const asked = client.ping();
    socket.resume();
    const { requestId } = await link.recv();
    link.send({ type: 'pong', requestId, data: { timestamp: 1 } });
    await within('the answer', asked);
    expect(pongs).toBeGreaterThan(0);
    expect(pongs).toBeLessThan(pings);
  });
});

describe('a handshake', () => {
  it('REQ-CONN-29 may be answered in pieces of one byte', async () => {
    const url = await serve((socket, accept) => {
      const bytes = [...upgrade(accept)];
      const next = (): void => {
        const byte = bytes.shift();
        if (byte !== undefined) socket.write(byte, () => setImmediate(next));
      };
      socket.setNoDelay(true);
      next();
    });
    const client = new SmoothAgentClient({ url, closeTimeoutMs: 0 });
    await within('connect', client.connect());
    expect(client.state).toBe('open');
    await client.close();
  });

  it('REQ-CONN-21 a server that hangs up fails the attempt at once', async () => {
    const url = await serve((socket) => socket.destroy());
    const client = new SmoothAgentClient({ url, connectTimeoutMs: 0 });
    const refused = await within('the attempt', rejection(client.connect()));
    expect(refused).toMatchObject({ kind: 'connect_failed', cause: expect.any(Error) });
    await until('idle', () => client.state === 'idle');
    await client.close();
  });
});
