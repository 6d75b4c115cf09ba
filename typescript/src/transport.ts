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
  let fault: unknown;
  // In a `try`, so that a bundler that does not find it goes on; one for browsers replaces it by
  // nothing (field `browser` of package.json).
  try {
    const { WebSocket } = await import('ws');
    if (typeof WebSocket?.prototype?.terminate === 'function') {
      const { openNodeSocket } = await import('./transport-node');
      return (request) => openNodeSocket(WebSocket, request, { Inbox, HandshakeError, LIMITS });
    }
  } catch (error) {
    fault = error;
  }
  return (request) => openPlatformSocket(request, fault);
}
