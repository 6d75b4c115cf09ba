import type { Timer } from './clock';
import type { Connection, LinkFacts, Outgoing, Sink } from './connection';
import { errorOfCode, errorOfKind, type ErrorFacts, type SmoothAgentError } from './errors';
import type { Listeners } from './listeners';
import type { Settings } from './options';
import { type AbortSignalLike, Answer, type Deferred, onAbort } from './requests.answer';
import {
  type CallState,
  callMachine,
  correlationOf,
  DecodeError,
  type ErrorEvent,
  type ErrorKind,
  type FrameWord,
  idOf,
  type LocalWord,
  type ServerEvent,
  step,
  unknownOf,
} from './wire/index';

const SETTLED_REMEMBERED = 1024; // REQ-TURN-06

/** A call or a turn, as the router sees it. Nothing here may block or raise. */
export interface InFlight {
  /** Takes one event of this id; returns whether it went anywhere but to the listeners. */
  received(event: ServerEvent, bytes: number): boolean;
  /** Takes a known event of this id with a broken body; returns the same. */
  broken(fault: DecodeError, bytes: number): boolean;
  /** Takes a local event of the link: lost, close, connect_failed, … */
  linkEvent(word: LocalWord, facts: LinkFacts): void;
  /** Takes note that the session's next message goes out. */
  nextSend(sessionId: string): void;
}

/** What is in flight, by requestId; routes what the link reads to its owner. */
export class Requests implements Sink {
  readonly settings: Settings;
  readonly #listeners: Listeners;
  readonly #inFlight = new Map<string, InFlight>();
  readonly #settled = new Set<string>();
  #connection: Connection | undefined;

  constructor(settings: Settings, listeners: Listeners) {
    this.settings = settings;
    this.#listeners = listeners;
  }

  /** Says through which link actions go; called once, before anything is sent. */
  use(connection: Connection): void {
    this.#connection = connection;
  }

  /**
   * Returns the id of a new action: the caller's own, or a fresh one (REQ-CALL-01).
   *
   * @throws {TypeError} the id is in flight already, or no string.
   */
  claim(own?: string): string {
    const requestId = own ?? this.settings.ids();
    if (typeof requestId !== 'string' || requestId === '') {
      throw new TypeError('requestId: expected a non-empty string');
    }
    if (this.#inFlight.has(requestId)) {
      throw new TypeError(`requestId: ${requestId.slice(0, 64)} is in flight already`);
    }
    return requestId;
  }

  /** Returns who is in flight under an id. */
  owner(requestId: string): InFlight | undefined {
    return this.#inFlight.get(requestId);
  }

  /** Routes events of an id to `owner` from now on. */
  add(requestId: string, owner: InFlight): void {
    this.#inFlight.set(requestId, owner);
  }

  /** Routes events of an id to nobody from now on, and remembers that it was ours. */
  settle(requestId: string, owner: InFlight): void {
    if (this.#inFlight.get(requestId) === owner) this.#inFlight.delete(requestId);
    this.#settled.delete(requestId);
    this.#settled.add(requestId);
    if (this.#settled.size > SETTLED_REMEMBERED) {
      const [oldest] = this.#settled;
      if (oldest !== undefined) this.#settled.delete(oldest);
    }
  }

  /** Writes a frame or keeps it for the attempt; false without a link. */
  submit(outgoing: Outgoing): boolean {
    return this.#connection?.submit(outgoing) ?? false;
  }

  /** Hands an event to its turn or call, else to the event listeners (REQ-WIRE-12). */
  received(event: ServerEvent, bytes: number): void {
    const requestId = idOf(event);
    const owner = requestId === undefined ? undefined : this.#inFlight.get(requestId);
    if (owner) {
      if (owner.received(event, bytes)) return;
    } else if (event.type === 'keepalive' || this.#isSettled(requestId)) {
      return;
    }
    this.#listeners.emit('event', event);
  }

  /** Hands a broken event to its owner, else to the listeners as an unknown one. */
  broken(fault: DecodeError, bytes: number): void {
    this.settings.logger.warn('a broken %s at %s', fault.type, fault.problem.pointer);
    const requestId = correlationOf(fault.raw);
    const owner = requestId === undefined ? undefined : this.#inFlight.get(requestId);
    if (owner ? owner.broken(fault, bytes) : this.#isSettled(requestId)) return;
    this.#listeners.emit('event', unknownOf(fault));
  }

  /** Tells everything in flight what became of the link (REQ-CONN-06, REQ-CONN-15). */
  linkEvent(word: LocalWord, facts: LinkFacts): void {
    for (const owner of [...this.#inFlight.values()]) owner.linkEvent(word, facts);
  }

  /** Tells settled turns of the session that its next message goes out (REQ-OTP-03). */
  nextSend(sessionId: string): void {
    for (const owner of [...this.#inFlight.values()]) owner.nextSend(sessionId);
  }

  #isSettled(requestId: string | undefined): boolean {
    return requestId !== undefined && this.#settled.has(requestId);
  }
}

/** How a call reads what comes under its id. */
export interface CallPlan<T> {
  readonly outgoing: Outgoing & { readonly requestId: string };
  /** Event types that answer it. */
  readonly answers: readonly FrameWord[];
  /** The id is a turn's that is not live here: what is no answer is somebody else's. */
  readonly shared?: boolean;
  /** Returns the value of the event that answers; may throw a DecodeError. */
  readonly read: (event: ServerEvent) => T;
  readonly signal?: AbortSignalLike | undefined;
}

/** Sends an action with one answer and waits for it; steps through the `call` machine. */
export class Call<T> implements InFlight {
  readonly #requests: Requests;
  readonly #plan: CallPlan<T>;
  readonly #deferred: Deferred<T>;
  readonly #unhook: () => void;
  #state: CallState = callMachine.initial;
  #timer: Timer | undefined;

  constructor(requests: Requests, plan: CallPlan<T>) {
    this.#requests = requests;
    this.#plan = plan;
    this.#deferred = Answer.pending(requests.settings.logger, plan.outgoing.action);
    // Stopping the wait only ends the wait; a frame that still waits is taken back (REQ-CALL-09).
    this.#unhook = onAbort(plan.signal, (reason) => {
      this.#finish();
      this.#deferred.reject(reason);
    });
  }

  /** Sends the action; everything that goes wrong settles the answer. */
  start(): Answer<T> {
    const { outgoing } = this.#plan;
    const { clock, requestTimeoutMs } = this.#requests.settings;
    this.#requests.add(outgoing.requestId, this);
    if (requestTimeoutMs > 0) {
      this.#timer = clock.setTimer(requestTimeoutMs, () => this.#step('request_timeout', {}));
    }
    try {
      if (!this.#requests.submit(outgoing)) this.#step('not_connected', {});
    } catch (error) {
      this.#fail(error);
    }
    return this.#deferred.answer;
  }

  received(event: ServerEvent): boolean {
    return this.#step(this.#wordOf(event), { event });
  }

  broken(fault: DecodeError): boolean {
    const { answers } = this.#plan;
    const ends = fault.type === 'error' || answers.includes(fault.type as FrameWord);
    return this.#step(ends ? 'broken' : 'unknown', { fault });
  }

  linkEvent(word: LocalWord, facts: LinkFacts): void {
    this.#step(word, { link: facts });
  }

  nextSend(): void {}

  #wordOf(event: ServerEvent): FrameWord | LocalWord {
    if (event.type === 'unknown' || event.type === 'error' || event.type === 'keepalive') {
      return event.type;
    }
    const { answers, shared } = this.#plan;
    if (shared && 'status' in event && event.status === 202) return 'unknown';
    if (answers.includes(event.type)) return 'result';
    return shared ? 'unknown' : 'unexpected';
  }

  #step(word: FrameWord | LocalWord, cause: Cause): boolean {
    const failed = statusOf(cause.event) >= 400;
    const { state, effects } = step(callMachine, this.#state, word, () => failed);
    this.#state = state;
    for (const effect of effects) {
      if (effect.name === 'push') return false;
      if (effect.name === 'settle') this.#settle(effect.args, cause);
    }
    return true;
  }

  #settle([outcome, kind]: readonly string[], cause: Cause): void {
    if (outcome !== 'completed' || !cause.event) {
      this.#fail(this.#errorOf(kind as FailKind, cause));
      return;
    }
    try {
      const value = this.#plan.read(cause.event);
      this.#finish();
      this.#deferred.resolve(value);
    } catch (fault) {
      this.#fail(fault instanceof DecodeError ? this.#errorOf('invalid_frame', { fault }) : fault);
    }
  }

  #errorOf(kind: FailKind, { event, fault, link }: Cause): SmoothAgentError {
    const { requestId, sessionId } = this.#plan.outgoing;
    const { host } = this.#requests.settings;
    const facts = { requestId, sessionId, host };
    if (kind === 'attempt' && link?.error) return attemptError(link.error, facts);
    if (kind === 'by_code') return serverError(event as ErrorEvent, facts);
    if (kind === 'protocol') return statusError(statusOf(event), facts);
    if (kind === 'invalid_frame' && fault) return frameError(fault, facts);
    if (kind === 'unexpected_event') {
      return errorOfKind(kind, { ...facts, event, reason: event?.type });
    }
    return linkError(kind as ErrorKind, link, facts);
  }

  #fail(error: unknown): void {
    this.#finish();
    this.#deferred.reject(error);
  }

  #finish(): void {
    this.#state = 'settled';
    this.#plan.outgoing.drop();
    this.#timer?.cancel();
    this.#unhook();
    this.#requests.settle(this.#plan.outgoing.requestId, this);
  }
}

/** The word behind `settle(failed, …)`: a kind, or where the error comes from. */
type FailKind = ErrorKind | 'by_code' | 'attempt';

interface Cause {
  readonly event?: ServerEvent;
  readonly fault?: DecodeError;
  readonly link?: LinkFacts;
}

/** Returns the status of a response, 0 for events without one. */
export function statusOf(event: ServerEvent | undefined): number {
  const { status } = (event ?? {}) as { status?: number };
  return status ?? 0;
}

/** Returns the error that an `error` event reports. */
export function serverError(event: ErrorEvent, facts: ErrorFacts): SmoothAgentError {
  const { details, retryAfterMs, message } = event;
  return errorOfCode(event.code, {
    ...facts,
    serverMessage: message,
    details: {
      ...(details === undefined || details === null ? {} : { details }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  });
}

/** Returns the error of a response with status 400 or above. */
export function statusError(status: number, facts: ErrorFacts): SmoothAgentError {
  return errorOfKind('protocol', { ...facts, details: { status } });
}

/** Returns the error of a frame that had to be understood (REQ-WIRE-03). */
export function frameError(fault: DecodeError, facts: ErrorFacts): SmoothAgentError {
  const { kind, pointer } = fault.problem;
  const details = { type: fault.type, pointer, problem: kind };
  const reason = `${fault.type}${pointer && ` at ${pointer}`}`;
  return errorOfKind('invalid_frame', { ...facts, details, reason });
}

/** Returns the kind that is shown: a link closed with 4401 failed to authenticate (REQ-CONN-15). */
export function linkKind(kind: ErrorKind, closeCode: number | undefined): ErrorKind {
  const lost = kind === 'connection_lost' || kind === 'turn_interrupted';
  return lost && closeCode === 4401 ? 'authentication' : kind;
}

/** Returns the error of something that waited for an attempt; its cause is the attempt's own. */
export function attemptError(error: SmoothAgentError, facts: ErrorFacts): SmoothAgentError {
  const { kind, retryable, details } = error;
  const made = errorOfKind(kind, { ...facts, retryable, details, cause: error });
  made.message = error.message;
  return made;
}

const ENDS: readonly ErrorKind[] = [
  'connection_lost',
  'turn_interrupted',
  'authentication',
  'message_too_large',
];

/** Returns the error of something that the link or a limit ended. */
export function linkError(
  kind: ErrorKind,
  link: LinkFacts | undefined,
  facts: ErrorFacts,
): SmoothAgentError {
  const shown = linkKind(kind, link?.code);
  const ended = ENDS.includes(shown);
  const closeCode = ended ? link?.code : undefined;
  const closeReason = ended ? link?.reason : undefined;
  return errorOfKind(shown, { ...facts, closeCode, closeReason });
}
