import type { IncomingMessage } from 'node:http';
import type { ClientOptions, RawData, WebSocket } from 'ws';
import type {
  HandshakeDetails,
  HandshakeError,
  LinkEnd,
  Receiver,
  SocketRequest,
  Transport,
} from './opener';
import type { Inbox } from './transport-inbox';
import type { LIMITS } from './wire/options';

const REPLACEMENT = '\ufffd';

type WebSocketClass = typeof WebSocket;

/** What the main entry has already, and lends: so all that a browser loads of it is one file. */
export interface Lent {
  readonly Inbox: typeof Inbox;
  readonly HandshakeError: typeof HandshakeError;
  readonly LIMITS: typeof LIMITS;
}

/** Codes of the errors of `ws` that name a rule of ours; all others are a lost link. */
const FAULTS: Readonly<Record<string, LinkEnd>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { reason: 'too_large', code: 1009 },
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: { reason: 'too_large', code: 1009 },
};

/** What `ws` refuses beside them is against RFC 6455; it has closed with 1002 (REQ-WIRE-15). */
const VIOLATION: LinkEnd = { reason: 'lost', code: 1002 };

/** The connection drops a socket whose peer lingers, by `closeTimeoutMs`; `ws` need not. */
const NEVER_MS = 0x7fff_ffff;
/** Pings are left unanswered while more than this waits to leave. */
const PONG_BYTES = 65_536;
/** How long the body of a refusal may take. */
const BODY_MS = 1_000;

/** Opens a socket with the `ws` package (REQ-CONN-12, REQ-CONN-14). */
export function openNodeSocket(
  type: WebSocketClass,
  request: SocketRequest,
  lent: Lent,
): Transport {
  return new NodeTransport(type, request, lent);
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
  readonly #inbox: Inbox;
  #waiting: (() => void)[] = [];
  #fault: LinkEnd | undefined;

  constructor(type: WebSocketClass, request: SocketRequest, lent: Lent) {
    const { Inbox, HandshakeError, LIMITS } = lent;
    const socket = new type(request.url, settings(request, LIMITS.nextAddressAfter));
    this.#inbox = new Inbox();
    this.#socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', (error) => reject(new HandshakeError(...faultOf(error))));
      socket.on('close', () => reject(new HandshakeError('the server closed the connection')));
      socket.on('unexpected-response', (asked, answer) => {
        refusal(answer, LIMITS.refusalBodyBytes).then((details) => {
          reject(new HandshakeError(`the server answered ${details.status}`, { details }));
          asked.destroy();
        });
      });
    });
    this.opened.catch(() => this.#inbox.shut());
    this.gone = new Promise((resolve) => {
      socket.on('close', (code, said) => {
        this.#release();
        const text = said.toString('utf8');
        const reason = code === 1006 ? 'lost' : 'closed_by_peer';
        this.#inbox.end(this.#fault ?? { reason, code, text });
        resolve();
      });
    });
    socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    socket.on('error', (error) => this.#failed(error));
    socket.on('ping', (data) => this.#pong(data));
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

  /** A peer that sends pings and reads nothing costs bounded memory (REQ-WIRE-16). */
  #pong(data: Buffer): void {
    const socket = this.#socket;
    const isOpen = socket.readyState === socket.OPEN;
    if (isOpen && socket.bufferedAmount < PONG_BYTES) socket.pong(data, undefined, () => {});
  }

  #invalid(): void {
    this.#inbox.end({ reason: 'invalid_utf8', code: 1007 });
    this.#socket.close(1007);
  }

  #failed(error: Error): void {
    const { code = '' } = error as { code?: string };
    const end = FAULTS[code] ?? (code.startsWith('WS_ERR_') ? VIOLATION : undefined);
    if (!end) return;
    this.#fault = end;
    this.#inbox.end(end);
  }
}

/** `nextAddressMs`: the next address of a name is tried after this long (REQ-CONN-25). */
function settings(request: SocketRequest, nextAddressMs: number): ClientOptions {
  return {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    followRedirects: false,
    autoPong: false,
    // ws keeps its limit in 32 bits.
    maxPayload: Math.min(request.maxMessageBytes, 0x7fff_ffff),
    headers: { ...request.headers },
    closeTimeout: NEVER_MS,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: nextAddressMs,
    ...(request.origin === undefined ? {} : { origin: request.origin }),
    ...(request.roots === undefined ? {} : { ca: withRoots(request.roots) }),
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

const CERTIFICATE = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_)/;

/** Returns why there is no link; whoever asked scrubs the cause. */
function faultOf(error: Error): ConstructorParameters<typeof HandshakeError> {
  const { code } = error as { code?: unknown };
  const name = typeof code === 'string' ? code : error.name;
  const retryable = CERTIFICATE.test(name) ? { retryable: false } : {};
  return [name, { cause: error, ...retryable }];
}

/** Reads what the answer to a refused handshake says (REQ-CONN-22). */
async function refusal(answer: IncomingMessage, limit: number): Promise<HandshakeDetails> {
  const { 'retry-after': after, 'x-request-id': id } = answer.headers;
  const retryAfterMs = after === undefined ? Number.NaN : afterMs(after);
  const body = await bodyOf(answer, limit);
  return {
    ...(answer.statusCode === undefined ? {} : { status: answer.statusCode }),
    ...(Number.isNaN(retryAfterMs) ? {} : { retryAfterMs }),
    ...(body === '' ? {} : { body }),
    ...(id === undefined ? {} : { requestId: String(id) }),
  };
}

function afterMs(value: string): number {
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  return Math.max(0, Date.parse(value) - Date.now());
}

function bodyOf(answer: IncomingMessage, limit: number): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const done = (): void => {
      clearTimeout(timer);
      const bytes = Buffer.concat(chunks).subarray(0, limit);
      resolve(new TextDecoder().decode(bytes));
    };
    const timer = setTimeout(done, BODY_MS);
    for (const end of ['end', 'close', 'error']) answer.on(end, done);
    answer.on('data', (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) done();
    });
  });
}
