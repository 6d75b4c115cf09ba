// A link of a client in the same process: frames cross as JSON text, as on a socket.
import type { LinkEnd, Opener, Receiver, SocketRequest, Transport } from '../index';
import type { Hall } from './hall';
import type { Link } from './wires';

/** Address of a server in memory, as texts of errors show it. */
export const MEMORY_URL = 'ws://fake.server/ws';

/** How a handshake is refused. */
export interface Refused {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Opens links of a server in memory; `refusal` says whether the next one is refused. */
export function memoryOpener(hall: Hall, refusal: () => Refused | undefined): Opener {
  return (request) => {
    const refused = refusal();
    if (refused) throw handshakeError(request, refused);
    return new MemoryTransport(hall, request.maxMessageBytes);
  };
}

function handshakeError({ HandshakeError }: SocketRequest, refused: Refused): Error {
  const { status } = refused;
  const text = `the server answered ${status}`;
  if (!HandshakeError) return new Error(text);
  const headers = Object.fromEntries(
    Object.entries(refused.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const seconds = Number(headers['retry-after']);
  const requestId = headers['x-request-id'];
  const details = {
    status,
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {}),
    ...(requestId === undefined ? {} : { requestId }),
  };
  return new HandshakeError(text, { details });
}

class MemoryTransport implements Transport {
  readonly opened = Promise.resolve();
  readonly gone: Promise<void>;
  readonly buffered = 0;
  readonly #hall: Hall;
  readonly #link: Link;
  readonly #limit: number;
  #receiver: Receiver | undefined;
  #held: ((receiver: Receiver) => void)[] = [];
  #isShut = false;
  #leave: () => void = () => {};

  constructor(hall: Hall, limit: number) {
    this.#hall = hall;
    this.#limit = limit;
    this.gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
    this.#link = hall.open({
      send: (text) => this.#arrive(text),
      end: (code) => this.#end({ reason: code === 1006 ? 'lost' : 'closed_by_peer', code }),
    });
  }

  attach(receiver: Receiver): void {
    this.#receiver = receiver;
    for (const give of this.#held.splice(0)) give(receiver);
  }

  send(text: string): void {
    // Never inside the caller's frame, as with a socket.
    queueMicrotask(() => {
      if (this.#link.isOpen) this.#hall.text(this.#link, text);
    });
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#isShut = true;
    // What was sent before comes before the end.
    queueMicrotask(() => this.terminate());
  }

  terminate(): void {
    this.#isShut = true;
    this.#hall.gone(this.#link);
    this.#leave();
  }

  #arrive(text: string): void {
    const isOver = text.length > this.#limit;
    queueMicrotask(() => {
      if (!isOver) this.#give((receiver) => receiver.text(text));
      else this.#end({ reason: 'too_large', code: 1009 });
    });
  }

  #end(end: LinkEnd): void {
    queueMicrotask(() => {
      this.#give((receiver) => receiver.ended(end));
      this.#isShut = true;
      this.#hall.gone(this.#link);
      this.#leave();
    });
  }

  #give(give: (receiver: Receiver) => void): void {
    if (this.#isShut) return;
    if (this.#receiver) give(this.#receiver);
    else this.#held.push(give);
  }
}
