/**
 * The errors of a client (REQ-ERR-01).
 *
 *     SmoothAgentError
 *       ConnectionError
 *         ConnectFailedError, AuthenticationError, NotConnectedError, ReconnectExhaustedError,
 *         ClientClosedError, QueueFullError
 *         ConnectionLostError
 *           TurnInterruptedError
 *       TimeoutError
 *         RequestTimeoutError, TurnTimeoutError
 *       ProtocolError                what a server reported
 *         ValidationError, PermissionDeniedError, RateLimitedError, ServerFaultError,
 *         UnsupportedError
 *         NotFoundError
 *           SessionNotFoundError
 *         ConflictError
 *           TurnInProgressError, NoPendingQuestionError
 *       WireError                    frames that could not be used
 *         InvalidFrameError, UnexpectedEventError, MessageTooLargeError, SlowConsumerError
 *       HandlerError, AlreadyAnsweredError
 *
 * Misuse raises `TypeError` or `RangeError`, native cancellation the signal's own reason
 * (REQ-ERR-05, REQ-STOP-04).
 */
import { errorText } from './wire/codes';
import type { Recovery } from './history-recovery';
import { codeInfo, ERROR_KINDS, type ErrorKind, type ServerEvent } from './wire/index';
import type { AbortSignalLike } from './requests-answer';
import type { QuestionKind } from './wire/steps';

/** What is known about an error beside its text. */
export interface ErrorFacts {
  readonly retryable?: boolean | undefined;
  readonly code?: string | undefined;
  readonly requestId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly closeCode?: number | undefined;
  readonly partialText?: string | undefined;
  readonly event?: ServerEvent | undefined;
  /** The server's own sentence; never in the text (REQ-ERR-06). */
  readonly serverMessage?: string | undefined;
  /** What the peer's close frame said; never in the text (REQ-ERR-06). */
  readonly closeReason?: string | undefined;
  /** Host and port of the server, for the text. */
  readonly host?: string | undefined;
  /** What the system said, for the text. */
  readonly reason?: string | undefined;
  /** Asks what became of the message of a turn (REQ-TURN-30). */
  readonly recover?: Recover | undefined;
  readonly cause?: unknown;
}

/** Reads the history; the signal ends the wait alone. */
type Recover = (options?: {
  readonly signal?: AbortSignalLike | undefined;
}) => PromiseLike<Recovery>;

const BRAND = Symbol.for('@smooai/smooth-operator/error');

/** Base of every error of this package. */
export class SmoothAgentError extends Error {
  /** Kind of the class: that of the error table, else its base's. */
  static readonly kind: ErrorKind = 'protocol';

  /** Stable word of the family, equal in all languages. */
  readonly kind: ErrorKind;
  /** Whether the same action may succeed later without a change. */
  readonly retryable: boolean;
  /** Code that the server sent. */
  readonly code: string | undefined;
  /** Action or turn that failed. */
  readonly requestId: string | undefined;
  /** Session of that action. */
  readonly sessionId: string | undefined;
  /** Further facts: status, retryAfterMs, pointer, question, … */
  declare readonly details: Readonly<Record<string, unknown>>;
  /** Close code of the link, when its end was the cause (REQ-CONN-15). */
  readonly closeCode: number | undefined;
  /** For a turn: the text that was streamed before it failed (REQ-TURN-18). */
  declare readonly partialText: string;
  /** What the server's `error` event said in its own words; empty without one (REQ-ERR-06). */
  declare readonly serverMessage: string;
  /** Reason of the peer's close frame, beside `closeCode`; empty without one. */
  declare readonly closeReason: string;

  /** Says whether a value is an error of this package, from whichever copy of it. */
  static is(value: unknown): value is SmoothAgentError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.kind = new.target.kind;
    this.retryable = facts.retryable ?? ERROR_KINDS[this.kind].retryable;
    this.code = facts.code;
    this.requestId = facts.requestId;
    this.sessionId = facts.sessionId;
    this.closeCode = facts.closeCode;
    const { details = {}, partialText = '', serverMessage = '', closeReason = '' } = facts;
    hide(this, { details, partialText, serverMessage, closeReason });
  }

  /** @internal */
  get [BRAND](): true {
    return true;
  }

  /** What may be shown: no text that a person or the server wrote. */
  toJSON(): Record<string, unknown> {
    const { name, message, kind, retryable, code, requestId, sessionId, closeCode } = this;
    return { name, message, kind, retryable, code, requestId, sessionId, closeCode };
  }
}

/** Gives an error members that no log prints: people and servers wrote them (REQ-ERR-04). */
function hide(error: Error, members: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(error, name, { value, configurable: true });
  }
}

/** Base of everything that concerns the link. */
export class ConnectionError extends SmoothAgentError {}

/** The link could not be opened; an HTTP status is in `details.status`. */
export class ConnectFailedError extends ConnectionError {}

/** The server refused the credentials: HTTP 401 or close code 4401. */
export class AuthenticationError extends ConnectionError {}

/** The link ended while a call waited; `closeCode` says how. */
export class ConnectionLostError extends ConnectionError {}

/**
 * The link ended in mid-turn; the message is not sent again (REQ-TURN-20). Of a turn that was
 * suspended, `details` hold what the server said of it: `state` (`gone`, `moved`, `never`, …;
 * REQ-RESUME-04) or the `code` of a refusal (REQ-RESUME-05).
 */
export class TurnInterruptedError extends ConnectionLostError {
  /**
   * Asks what became of the message, as `Turn.recover` (REQ-TURN-30). `unknown` for an error that no
   * turn of a client made.
   */
  declare readonly recover: Recover;

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts);
    const unknown: Recover = async () => ({ status: 'unknown' });
    hide(this, { recover: facts.recover ?? unknown });
  }

  /** Whether the message was handed to the socket. */
  get sent(): boolean {
    return this.details.sent === true;
  }

  /** Kind of the question that was open. */
  get openQuestion(): QuestionKind | undefined {
    return this.details.question as QuestionKind | undefined;
  }
}

/** An action was started without a link; nothing was sent (REQ-CONN-09). */
export class NotConnectedError extends ConnectionError {}

/** The limit of reconnect attempts was reached. */
export class ReconnectExhaustedError extends ConnectionError {}

/** `close()` was called while the action was in flight (REQ-CONN-06). */
export class ClientClosedError extends ConnectionError {}

/** Too many actions wait for the link. */
export class QueueFullError extends ConnectionError {}

/** Base of the two timeouts. */
export class TimeoutError extends SmoothAgentError {}

/** No answer to a call or verb within `requestTimeoutMs` (REQ-CALL-02). */
export class RequestTimeoutError extends TimeoutError {}

/** The turn was silent or ran for too long, or its question was not answered in time. */
export class TurnTimeoutError extends TimeoutError {}

/** The server reported an error; `code` is kept, known or not (REQ-ERR-03). */
export class ProtocolError extends SmoothAgentError {}

/** The server did not accept the frame or one of its fields. */
export class ValidationError extends ProtocolError {}

/** A conversation or skill is unknown. */
export class NotFoundError extends ProtocolError {}

/** The session is unknown or belongs to somebody else. */
export class SessionNotFoundError extends NotFoundError {}

/** The agent may not be used from here. */
export class PermissionDeniedError extends ProtocolError {}

/** The action does not fit what is going on. */
export class ConflictError extends ProtocolError {}

/** Another turn of the session still runs; only the new one ended. */
export class TurnInProgressError extends ConflictError {}

/** Nothing waits for this answer; without a code nothing was sent (REQ-VERB-05). */
export class NoPendingQuestionError extends ConflictError {}

/** Too many actions. */
export class RateLimitedError extends ProtocolError {}

/** The server, its store or its agent failed. */
export class ServerFaultError extends ProtocolError {}

/** The server does not know the action or lacks a capability. */
export class UnsupportedError extends ProtocolError {}

/** Base of the faults of frames. */
export class WireError extends SmoothAgentError {}

/** A frame that had to be understood was broken; `details` has its type and JSON Pointer. */
export class InvalidFrameError extends WireError {
  /** JSON Pointer of the fault. */
  get pointer(): string {
    return String(this.details.pointer ?? '');
  }
}

/** A call was answered by another event, in `event`, or a page cursor repeated. */
export class UnexpectedEventError extends WireError {
  /** The event that came instead. */
  declare readonly event: ServerEvent | undefined;

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts);
    hide(this, { event: facts.event });
  }
}

/** A message was over the limit (REQ-CALL-10, REQ-WIRE-11). */
export class MessageTooLargeError extends WireError {}

/** An iterator fell behind its bound. */
export class SlowConsumerError extends WireError {}

/**
 * The handler of a question threw, gave no answer or took too long; nothing was approved. What it
 * threw is the `cause` (REQ-ASK-07).
 */
export class HandlerError extends SmoothAgentError {
  /** Kind of the question. */
  get question(): QuestionKind | undefined {
    return this.details.question as QuestionKind | undefined;
  }
}

/** The question was answered before; nothing was sent (REQ-VERB-05). */
export class AlreadyAnsweredError extends SmoothAgentError {}

type ErrorClass = new (message: string, facts?: ErrorFacts) => SmoothAgentError;

/** Classes by the leaf of the error table; a bundler may rename classes, so names are said here. */
const LEAVES: Readonly<Record<string, ErrorClass>> = {
  SmoothAgent: SmoothAgentError,
  Connection: ConnectionError,
  ConnectFailed: ConnectFailedError,
  Authentication: AuthenticationError,
  ConnectionLost: ConnectionLostError,
  TurnInterrupted: TurnInterruptedError,
  NotConnected: NotConnectedError,
  ReconnectExhausted: ReconnectExhaustedError,
  ClientClosed: ClientClosedError,
  QueueFull: QueueFullError,
  Timeout: TimeoutError,
  RequestTimeout: RequestTimeoutError,
  TurnTimeout: TurnTimeoutError,
  Protocol: ProtocolError,
  Validation: ValidationError,
  NotFound: NotFoundError,
  SessionNotFound: SessionNotFoundError,
  PermissionDenied: PermissionDeniedError,
  Conflict: ConflictError,
  TurnInProgress: TurnInProgressError,
  NoPendingQuestion: NoPendingQuestionError,
  RateLimited: RateLimitedError,
  ServerFault: ServerFaultError,
  Unsupported: UnsupportedError,
  Wire: WireError,
  InvalidFrame: InvalidFrameError,
  UnexpectedEvent: UnexpectedEventError,
  MessageTooLarge: MessageTooLargeError,
  SlowConsumer: SlowConsumerError,
  Handler: HandlerError,
  AlreadyAnswered: AlreadyAnsweredError,
};

for (const [leaf, type] of Object.entries(LEAVES)) {
  Object.defineProperty(type.prototype, 'name', { value: `${leaf}Error`, configurable: true });
}
for (const [kind, { leaf }] of Object.entries(ERROR_KINDS)) {
  Object.defineProperty(LEAVES[leaf], 'kind', { value: kind });
}

/** Returns the text of a leaf with its places filled (REQ-ERR-07). */
function textOf(leaf: string, facts: ErrorFacts): string {
  const { host = 'the server', code, closeCode, details, requestId, sessionId, reason } = facts;
  return errorText(leaf, {
    host,
    code: code?.slice(0, 64),
    close: closeCode,
    status: details?.status as number | undefined,
    limit: details?.limit as number | undefined,
    request_id: requestId,
    session_id: sessionId,
    reason,
  });
}

/** Returns a new error of a leaf of the error table. */
export function errorOfLeaf(leaf: string, facts: ErrorFacts): SmoothAgentError {
  const type = LEAVES[leaf] ?? SmoothAgentError;
  return new type(textOf(leaf, facts), facts);
}

/** Returns a new error of a kind that the client itself makes. */
export function errorOfKind(kind: ErrorKind, facts: ErrorFacts): SmoothAgentError {
  return errorOfLeaf(ERROR_KINDS[kind].leaf, facts);
}

/** Returns the error for a code that a server sent, by the generated table (REQ-ERR-02). */
export function errorOfCode(code: string, facts: ErrorFacts): SmoothAgentError {
  const { leaf, retryable } = codeInfo(code);
  return errorOfLeaf(Object.hasOwn(LEAVES, leaf) ? leaf : 'Protocol', {
    retryable,
    ...facts,
    code,
  });
}
