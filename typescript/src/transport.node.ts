import type { ClientOptions, RawData, WebSocket } from 'ws';
import {
  HandshakeError,
  Inbox,
  type LinkEnd,
  type Receiver,
  type SocketRequest,
  type Transport,
} from './transport';

const REPLACEMENT = '\ufffd';

type WebSocketClass = typeof WebSocket;

/** Codes of the errors of `ws` that name a rule of ours; all others are a lost link. */
const FAULTS: Readonly<Record<string, LinkEnd>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { reason: 'too_large', code: 1009 },
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: { reason: 'too_large', code: 1009 },
};

/** How long a peer that sent its close frame may keep the socket open, in milliseconds. */
const LINGER_MS = 1_000;

/** Opens a socket with the `ws` package (REQ-CONN-12, REQ-CONN-14). */
export function openNodeSocket(type: WebSocketClass, request: SocketRequest): Transport {
  return new NodeTransport(type, request);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

class NodeTransport implements Transport {
  readonly opened: Promise<void>;
  readonly gone: Promise<void>;
  readonly #socket: WebSocket;
  readonly #inbox = new Inbox();
  #waiting: (() => void)[] = [];
  #fault: LinkEnd | undefined;

  constructor(type: WebSocketClass, request: SocketRequest) {
    const socket = new type(request.url, settings(request));
    this.#socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', (error) => reject(new HandshakeError(codeOf(error))));
      socket.on('close', () => reject(new HandshakeError('the server closed the connection')));
      socket.on('unexpected-response', (asked, answer) => {
        const status = answer.statusCode ?? 0;
        reject(new HandshakeError(`the server answered ${status}`, status));
        asked.destroy();
      });
    });
    this.opened.catch(() => this.#inbox.shut());
    this.gone = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.#release();
        this.#inbox.end(this.#fault ?? { reason: code === 1006 ? 'lost' : 'closed_by_peer', code });
        resolve();
      });
    });
    socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    socket.on('error', (error) => this.#failed(error));
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  attach(receiver: Receiver): void {
    this.#inbox.attach(receiver);
  }

  send(text: string): void {
    this.#socket.send(text, () => this.#release());
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  close(code: number): void {
    this.#inbox.shut();
    this.#socket.close(code);
  }

  terminate(): void {
    this.#inbox.shut();
    this.#socket.terminate();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #message(data: RawData, isBinary: boolean): void {
    const bytes = data as Buffer;
    if (isBinary) {
      this.#inbox.give((receiver) => receiver.binary(bytes.length));
      return;
    }
    const text = bytes.toString('utf8');
    // What is no UTF-8 becomes U+FFFD: only a text that holds one is looked at twice.
    if (!text.includes(REPLACEMENT) || isUtf8(bytes)) this.#inbox.text(text, bytes.length);
    else this.#invalid();
  }

  #invalid(): void {
    this.#inbox.end({ reason: 'invalid_utf8', code: 1007 });
    this.#socket.close(1007);
  }

  #failed(error: Error): void {
    const end = FAULTS[(error as { code?: string }).code ?? ''];
    if (!end) return;
    this.#fault = end;
    this.#inbox.end(end);
  }
}

function settings(request: SocketRequest): ClientOptions {
  return {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    followRedirects: false,
    // ws keeps its limit in 32 bits.
    maxPayload: Math.min(request.maxMessageBytes, 0x7fff_ffff),
    headers: { ...request.headers },
    closeTimeout: LINGER_MS,
    ...(request.origin === undefined ? {} : { origin: request.origin }),
    ...(request.ca === undefined ? {} : { ca: withRoots(request.ca) }),
  } as ClientOptions;
}

interface Tls {
  readonly rootCertificates: readonly string[];
  getCACertificates?(): string[];
}

/** Returns the platform's roots with the given ones beside them (REQ-CONN-13). */
function withRoots(added: string | readonly string[]): string[] {
  const builtin = (name: string): unknown => process.getBuiltinModule(name as 'node:tls');
  const tls = builtin('node:tls') as Tls;
  const roots = tls.getCACertificates?.() ?? tls.rootCertificates;
  return [...roots, ...(typeof added === 'string' ? [added] : added)];
}

/** Names an error without its text, which may hold the address with its query (REQ-ERR-04). */
function codeOf(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : error.name;
}
