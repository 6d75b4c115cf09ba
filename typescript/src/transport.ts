import { HandshakeError, type Opener } from './opener';
import { openPlatformSocket } from './transport-browser';
import { Inbox } from './transport-inbox';
import { LIMITS } from './wire/options';

/** Opens a socket with the platform's own WebSocket, as browsers and workers have it. */
export const platformOpener: Opener = openPlatformSocket;

let found: Promise<Opener> | undefined;

/** Opens a socket: with the `ws` package on Node when it is there, else with the platform's. */
export const defaultOpener: Opener = async (request) => {
  found ??= lookUp();
  return (await found)(request);
};

async function lookUp(): Promise<Opener> {
  // A bundler for browsers replaces `ws` by nothing (field `browser` of package.json).
  const ws = await import('ws').catch(() => undefined);
  if (ws?.WebSocket && typeof ws.WebSocket.prototype?.terminate === 'function') {
    const { openNodeSocket } = await import('./transport-node');
    return (request) => openNodeSocket(ws.WebSocket, request, { Inbox, HandshakeError, LIMITS });
  }
  return platformOpener;
}
