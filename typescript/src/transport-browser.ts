import { HandshakeError, type Receiver, type SocketRequest, type Transport } from './opener';
import { Inbox } from './transport-inbox';

/** What is used of the platform's WebSocket; declared here, so that no DOM types are needed. */
interface PlatformSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(text: string): void;
  close(code?: number): void;
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: { data?: unknown; code?: number; reason?: string }) => void,
  ): void;
}

type PlatformSocketClass = new (url: string) => PlatformSocket;

const OPEN = 1;
/** UTF-8 has at most this many bytes for one unit of a string. */
const MAX_BYTES_PER_UNIT = 3;
/** A browser tells nobody that its buffer has drained; it is looked at this often, in ms. */
const LOOK_MS = 20;
/** Browsers let an application close with 1000 and 3000 to 4999 alone. */
const OWN_CODES: Readonly<Record<number, number>> = { 1007: 4407, 1009: 4409 };

/**
 * Opens a socket with the platform's WebSocket, as far as it allows: no headers, no added roots,
 * a refused handshake without its status, a message over the limit closed with 4409. `cause` says why there is no `ws`.
 */
export function openPlatformSocket(request: SocketRequest, cause?: unknown): Transport {
  const type = (globalThis as { WebSocket?: PlatformSocketClass }).WebSocket;
  if (!type) throw unable('this platform has no WebSocket and cannot load the package ws', cause);
  if (Object.keys(request.headers).length > 0 || request.origin !== undefined || request.roots) {
    throw unable('headers, origin and roots need the package ws');
  }
  return new PlatformTransport(new type(request.url), request.maxMessageBytes);
}

/** No attempt can help on this platform. */
function unable(why: string, cause?: unknown): HandshakeError {
  return new HandshakeError(why, { retryable: false, cause });
}

/** Says whether a text has more bytes than a limit; counts them only where that may be. */
function isOver(text: string, limit: number): boolean {
  if (text.length * MAX_BYTES_PER_UNIT <= limit) return false;
  return text.length > limit || new TextEncoder().encode(text).length > limit;
}

class PlatformTransport implements Transport {
  readonly opened: Promise<void>;
  readonly gone: Promise<void>;
  readonly #inbox = new Inbox();
  readonly #socket: PlatformSocket;
  readonly #limit: number;

  constructor(socket: PlatformSocket, limit: number) {
    this.#socket = socket;
    this.#limit = limit;
    socket.binaryType = 'arraybuffer';
    this.opened = new Promise((resolve, reject) => {
      const refused = (): void => reject(new HandshakeError('the link could not be opened'));
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', refused);
      socket.addEventListener('close', refused);
    });
    this.opened.catch(() => this.#inbox.shut());
    this.gone = new Promise((resolve) => {
      socket.addEventListener('close', ({ code = 1006, reason: text = '' }) => {
        this.#inbox.end({ reason: code === 1006 ? 'lost' : 'closed_by_peer', code, text });
        resolve();
      });
    });
    socket.addEventListener('message', ({ data }) => this.#message(data));
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  attach(receiver: Receiver): void {
    this.#inbox.attach(receiver);
  }

  send(text: string): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(text);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  close(code: number): void {
    this.#inbox.shut();
    this.#socket.close(OWN_CODES[code] ?? code);
  }

  terminate(): void {
    this.#inbox.shut();
    this.#socket.close();
  }

  #message(data: unknown): void {
    if (typeof data !== 'string') {
      const { byteLength = 0 } = data as { byteLength?: number };
      this.#inbox.give((receiver) => receiver.binary(byteLength));
      return;
    }
    if (!isOver(data, this.#limit)) {
      this.#inbox.text(data);
      return;
    }
    this.#inbox.end({ reason: 'too_large', code: 1009 });
    this.#socket.close(OWN_CODES[1009]);
  }
}
