import { errorOfKind, SmoothAgentError } from './errors';
import { LinkState } from './connection-state';
import type { FrameInfo, Listeners } from './listeners';
import { fastPaths, type Settings, SILENT } from './options';
import { address, checkValue } from './options-handshake';
import {
  defaultOpener,
  HandshakeError,
  type LinkEnd,
  type Receiver,
  type Transport,
} from './transport';
import {
  type ConnectionState,
  correlationOf,
  DecodeError,
  EventDecoder,
  idOf,
  type LocalWord,
  MalformedFrame,
  type ServerEvent,
} from './wire/index';
import { httpStatus } from './wire/codes';
import { ACTION_SECRETS, EVENT_SECRETS, withoutSecrets } from './wire/secrets';

const MALFORMED_LIMIT = 10; // REQ-WIRE-04
const MAX_OUTBOUND_BYTES = 1024 * 1024; // REQ-CALL-10
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024; // REQ-CONN-18
const MAX_WARNED_WORDS = 1024;

/** One frame on its way out. */
export class Outgoing {
  written = false;
  /** No link has taken it yet: only then can it be taken back (REQ-CONN-16). */
  waitsForLink = true;
  dropped = false;

  constructor(
    readonly action: string,
    readonly requestId: string | undefined,
    readonly text: string,
    /** Session that the action names, for its errors. */
    readonly sessionId?: string | undefined,
  ) {}

  /** Takes the frame back, if it still waits for the link. */
  drop(): void {
    this.dropped ||= this.waitsForLink;
  }
}

/** What ended the link or an attempt, for whoever is in flight. */
export interface LinkFacts {
  readonly code?: number;
  /** What the peer's close frame said. */
  readonly reason?: string;
  readonly error?: SmoothAgentError;
}

/** Who takes what the link reads, and hears of its end. Must not block and must not raise. */
export interface Sink {
  received(event: ServerEvent, bytes: number): void;
  /** Takes a known event whose body is broken. */
  broken(fault: DecodeError, bytes: number): void;
  /** Settles what is in flight: the link is gone, the attempt failed, or the caller closes. */
  linkEvent(word: LocalWord, facts: LinkFacts): void;
}

interface Attempt {
  /** The attempt's error, or undefined when the link is open; never rejects. */
  done: Promise<Error | undefined>;
  giveUp(error: SmoothAgentError): void;
}

/** Owns socket, attempt and outbox of one client. */
export class Connection implements Receiver {
  readonly #settings: Settings;
  readonly #listeners: Listeners;
  readonly #sink: Sink;
  readonly #link: LinkState;
  readonly #warned = new Set<string>();
  #attempt: Attempt | undefined;
  #transport: Transport | undefined;
  #finishing: Promise<void> = Promise.resolve();
  #waiting: Outgoing[] = [];
  #draining = false;
  #malformed = 0;
  #decoder = new EventDecoder();

  constructor(settings: Settings, listeners: Listeners, sink: Sink) {
    this.#settings = settings;
    this.#listeners = listeners;
    this.#sink = sink;
    this.#link = new LinkState((change) => listeners.emit('state', change));
  }

  get state(): ConnectionState {
    return this.#link.current;
  }

  /** Opens the link, or joins the attempt that runs (REQ-CONN-03, REQ-CONN-04). */
  async connect(): Promise<void> {
    this.#begin();
    const error = await this.#attempt?.done;
    if (error) throw error;
  }

  /** Closes the link and settles everything; never rejects (REQ-CONN-05, REQ-CONN-06). */
  async close(): Promise<void> {
    this.#sink.linkEvent('close', {});
    const attempt = this.#attempt;
    const transport = this.#transport;
    this.#transport = undefined;
    this.#waiting = [];
    this.#link.on('close');
    attempt?.giveUp(errorOfKind('client_closed', { host: this.#settings.host }));
    if (transport) this.#letGo(transport, 1000);
    await attempt?.done;
    await this.#finishing;
    await this.#listeners.drain();
  }

  /**
   * Writes the frame, or keeps it until the attempt ends; false without a link (REQ-CONN-09).
   *
   * @throws {MessageTooLargeError} over 1 MiB; nothing was sent.
   */
  submit(outgoing: Outgoing): boolean {
    const size = sizeOf(outgoing.text);
    if (size > MAX_OUTBOUND_BYTES) {
      const { requestId, sessionId } = outgoing;
      const details = { size, limit: MAX_OUTBOUND_BYTES };
      throw errorOfKind('message_too_large', { requestId, sessionId, details });
    }
    if (this.#settings.lazy) this.#begin();
    if (!this.#transport && this.#link.current !== 'connecting') return false;
    outgoing.waitsForLink = !this.#transport;
    this.#waiting.push(outgoing);
    this.#flush();
    return true;
  }

  // The attempt

  #begin(): void {
    if (!this.#link.on('connect')) return;
    this.#malformed = 0;
    let giveUp: (error: SmoothAgentError) => void = () => {};
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    // Most attempts are never given up; those that are, are told through `done`.
    givenUp.catch(() => {});
    const attempt: Attempt = { giveUp, done: Promise.resolve(undefined) };
    this.#attempt = attempt;
    attempt.done = this.#run(attempt, givenUp);
  }

  async #run(attempt: Attempt, givenUp: Promise<never>): Promise<Error | undefined> {
    const limit = this.#settings.connectTimeoutMs;
    const { host } = this.#settings;
    const reason = `no link within ${limit} ms`;
    const late = (): void => attempt.giveUp(errorOfKind('connect_failed', { host, reason }));
    const timer = limit > 0 ? this.#settings.clock.setTimer(limit, late) : undefined;
    try {
      const transport = await this.#open(givenUp);
      this.#opened(transport);
      return undefined;
    } catch (cause) {
      return this.#failed(attemptError(cause, host));
    } finally {
      timer?.cancel();
    }
  }

  async #open(givenUp: Promise<never>): Promise<Transport> {
    const { token: source, tokenIn, headers: given, url, origin, ca, opener } = this.#settings;
    const asked = typeof source === 'function' ? source() : source;
    const token = await Promise.race([asked, givenUp]);
    if (token !== undefined || typeof source === 'function') checkToken(token, tokenIn);
    const inHeader = token !== undefined && tokenIn === 'header';
    const headers = inHeader ? { ...given, Authorization: `Bearer ${token}` } : given;
    const { maxMessageBytes } = this.#settings;
    const to = address(url, inHeader ? undefined : token);
    const open = opener ?? defaultOpener;
    const opening = open({ url: to, headers, origin, ca, maxMessageBytes });
    const transport = await Promise.race([opening, givenUp]);
    try {
      await Promise.race([transport.opened, givenUp]);
    } catch (error) {
      transport.terminate();
      throw error;
    }
    return transport;
  }

  #opened(transport: Transport): void {
    this.#attempt = undefined;
    this.#decoder = new EventDecoder({ learns: fastPaths.learned });
    this.#transport = transport;
    for (const outgoing of this.#waiting) outgoing.waitsForLink = false;
    this.#link.on('opened');
    this.#flush();
    transport.attach(this);
  }

  #failed(error: SmoothAgentError | TypeError): Error {
    this.#attempt = undefined;
    // After close() the machine is past the attempt, and everything has been settled.
    if (this.#link.on('connect_failed', { error })) {
      this.#waiting = [];
      // Who waited did nothing wrong: it failed with the attempt.
      const { host } = this.#settings;
      const told = SmoothAgentError.is(error)
        ? error
        : errorOfKind('connect_failed', { host, cause: error });
      this.#sink.linkEvent('connect_failed', { error: told });
    }
    return error;
  }

  // The socket

  #flush(): void {
    const transport = this.#transport;
    while (transport && this.#waiting.length > 0) {
      if (transport.buffered > MAX_BUFFERED_BYTES) {
        this.#awaitDrain(transport);
        return;
      }
      const outgoing = this.#waiting.shift();
      if (outgoing && !outgoing.dropped) this.#write(transport, outgoing);
    }
  }

  #awaitDrain(transport: Transport): void {
    if (this.#draining) return;
    this.#draining = true;
    transport.drained().then(() => {
      this.#draining = false;
      this.#flush();
    });
  }

  #write(transport: Transport, outgoing: Outgoing): void {
    outgoing.written = true;
    transport.send(outgoing.text);
    const { action, requestId, text } = outgoing;
    if (this.#isWatched()) this.#tap('out', action, requestId, sizeOf(text), text);
  }

  /** Decodes one message and hands it on. */
  text(text: string, bytes?: number): void {
    let event: ServerEvent;
    try {
      event = this.#decoder.decode(text);
    } catch (fault) {
      this.#unusable(fault, text, bytes);
      return;
    }
    this.#malformed = 0;
    if (this.#isWatched()) {
      const word = event.type === 'unknown' ? event.wireType : event.type;
      this.#tap('in', word, idOf(event), bytes ?? sizeOf(text), text);
    }
    if (event.type === 'unknown') {
      this.#warnOnce(event.wireType, 'unknown event type %s', event.wireType.slice(0, 64));
    }
    this.#sink.received(event, bytes ?? text.length);
  }

  #unusable(fault: unknown, text: string, size: number | undefined): void {
    const bytes = size ?? sizeOf(text);
    if (fault instanceof DecodeError) {
      this.#malformed = 0;
      this.#tap('in', fault.type, correlationOf(fault.raw), bytes, text);
      this.#sink.broken(fault, bytes);
    } else if (fault instanceof MalformedFrame) {
      this.#tap('in', undefined, undefined, bytes, text);
      this.#countMalformed();
    } else {
      throw fault;
    }
  }

  /** Counts a binary message as malformed. */
  binary(bytes: number): void {
    this.#tap('in', undefined, undefined, bytes, undefined);
    this.#countMalformed();
  }

  ended(end: LinkEnd): void {
    this.#end(end.reason, end.code, undefined, end.text);
  }

  #countMalformed(): void {
    this.#malformed += 1;
    this.#warnOnce('', 'a malformed frame was dropped');
    if (this.#malformed === MALFORMED_LIMIT) this.#end('malformed_limit', 4400, 4400);
  }

  #end(word: LocalWord, code: number, ownCode: number | undefined, reason?: string): void {
    const transport = this.#transport;
    if (!transport) return;
    this.#transport = undefined;
    this.#waiting = [];
    this.#link.on(word, { code });
    this.#letGo(transport, ownCode);
    this.#sink.linkEvent(word, { code, ...(reason ? { reason } : {}) });
  }

  /** Lets the socket go: waits for the peer as long as the options say, then drops it. */
  #letGo(transport: Transport, code: number | undefined): void {
    if (code !== undefined) transport.close(code);
    const { closeTimeoutMs, clock } = this.#settings;
    const drop = (): void => transport.terminate();
    const timer = closeTimeoutMs > 0 ? clock.setTimer(closeTimeoutMs, drop) : undefined;
    if (!timer) drop();
    const gone = transport.gone.then(() => timer?.cancel());
    this.#finishing = Promise.all([this.#finishing, gone]).then(() => {});
  }

  /** Says whether anybody sees the frames that pass. */
  #isWatched(): boolean {
    return this.#settings.logger !== SILENT || this.#listeners.has('frame');
  }

  #tap(
    direction: FrameInfo['direction'],
    type: string | undefined,
    requestId: string | undefined,
    bytes: number,
    text: string | undefined,
  ): void {
    if (!this.#isWatched()) return;
    const { logger, logPayloads, clock } = this.#settings;
    logger.debug('%s %s %s %d bytes', direction, type, requestId, bytes);
    if (logPayloads) logger.debug('%s %s', direction, text && masked(direction, type, text));
    if (!this.#listeners.has('frame')) return;
    this.#listeners.emit('frame', {
      direction,
      ...(type === undefined ? {} : { type }),
      ...(requestId === undefined ? {} : { requestId }),
      bytes,
      at: clock.now(),
      ...(text === undefined ? {} : { text }),
    });
  }

  #warnOnce(key: string, message: string, ...values: unknown[]): void {
    // A peer that invents types must not grow this set without end.
    if (this.#warned.has(key) || this.#warned.size >= MAX_WARNED_WORDS) return;
    this.#warned.add(key);
    this.#settings.logger.warn(message, ...values);
  }
}

/** Refuses a token that cannot travel (REQ-CONN-28). */
function checkToken(token: unknown, place: Settings['tokenIn']): void {
  if (typeof token !== 'string') throw new TypeError('token: expected a string');
  if (place === 'header') checkValue('token', token);
}

/** Returns the error of a failed attempt; misuse stays the language's own error. */
function attemptError(cause: unknown, host: string): SmoothAgentError | TypeError {
  if (cause instanceof SmoothAgentError || isMisuse(cause)) return cause;
  if (cause instanceof HandshakeError) {
    const { status, details, retryable, message: reason } = cause;
    const refused = status === undefined ? undefined : httpStatus(status);
    const facts = { host, details: { ...details }, retryable, cause: cause.cause };
    if (status === 401) return errorOfKind('authentication', { ...facts, retryable: undefined });
    if (status === undefined) return errorOfKind('connect_failed', { ...facts, reason });
    return errorOfKind('connect_failed', { ...facts, retryable: refused?.retry === 'yes' });
  }
  // The text of a foreign error may hold the token or the address; its name does not.
  const reason = cause instanceof Error ? cause.name : typeof cause;
  return errorOfKind('connect_failed', { host, reason, cause });
}

function isMisuse(cause: unknown): cause is TypeError {
  return cause instanceof TypeError && cause.message.startsWith('token: ');
}

/** Returns a frame for the log: what the specification calls secret is masked (REQ-LOG-01). */
function masked(direction: 'in' | 'out', type: string | undefined, text: string): string {
  const secrets = direction === 'in' ? EVENT_SECRETS : ACTION_SECRETS;
  const places = Object.hasOwn(secrets, type ?? '') ? secrets[type ?? ''] : undefined;
  return places ? JSON.stringify(withoutSecrets(JSON.parse(text), places)) : text;
}

function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
