// A fake server on a socket of this machine; needs the package ws, and so Node, Deno or Bun.
import type { OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RawData, WebSocketServer } from 'ws';
import type { Hall } from './hall';
import type { Refused } from './memory';

/** What listens. */
export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

type Verdict = (ok: boolean, status?: number, text?: string, headers?: OutgoingHttpHeaders) => void;

async function serverClass(): Promise<typeof WebSocketServer> {
  try {
    const { WebSocketServer } = await import('ws');
    if (typeof WebSocketServer === 'function') return WebSocketServer;
  } catch (cause) {
    throw new TypeError('listen() needs the package ws, which cannot be loaded', { cause });
  }
  throw new TypeError('listen() needs sockets, which this platform does not have');
}

/** Opens 127.0.0.1 on a port; 0 is a free one. */
export async function listenOn(
  hall: Hall,
  port: number,
  refusal: () => Refused | undefined,
): Promise<Listening> {
  const server = new (await serverClass())({
    host: '127.0.0.1',
    port,
    perMessageDeflate: false,
    verifyClient: (_: unknown, verdict: Verdict) => {
      const refused = refusal();
      if (refused) verdict(false, refused.status, 'No', refused.headers);
      else verdict(true);
    },
  });
  server.on('connection', (socket) => {
    const link = hall.open({
      send: (text) => socket.send(text),
      end: (code) => {
        if (code === 1006) socket.terminate();
        else socket.close(code);
      },
    });
    socket.on('message', (data: RawData, isBinary: boolean) => {
      hall.text(link, isBinary ? '' : String(data));
    });
    socket.on('close', () => hall.gone(link));
    socket.on('error', () => hall.gone(link));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${chosen}/ws`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Whoever does not answer the close frame is not waited for.
        for (const socket of server.clients) setTimeout(() => socket.terminate(), 100).unref();
      }),
  };
}
