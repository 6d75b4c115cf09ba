// The errors that are made of what happened: an `error` event, a broken frame, the end of a link.
import { errorOfCode, errorOfKind, type ErrorFacts, type SmoothAgentError } from './errors';
import { closeCode } from './wire/codes';
import {
  type DecodeError,
  type ErrorEvent,
  ERROR_KINDS,
  type ErrorKind,
  type ServerEvent,
} from './wire/index';
import type { Ending } from './wire/steps';

/** What ended the link or an attempt, for whoever is in flight. */
export interface LinkFacts {
  readonly code?: number;
  /** What the peer's close frame said. */
  readonly reason?: string;
  readonly error?: SmoothAgentError;
  /** Another attempt follows: what waits for a link may go on waiting. */
  readonly sought?: boolean;
}

/** What made a call or a turn fail. */
export interface Cause {
  readonly event?: ServerEvent;
  readonly fault?: DecodeError;
  readonly link?: LinkFacts;
}

/** Returns the status of a response, 0 for events without one. */
export function statusOf(event: ServerEvent | undefined): number {
  const { status } = (event ?? {}) as { status?: number };
  return status ?? 0;
}

/** Returns the type of an event as its frame has it. */
export const typeOf = (event: ServerEvent): string =>
  event.type === 'unknown' ? event.wireType : event.type;

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

/** Returns the error of something that waited for an attempt; its cause is the attempt's own. */
export function attemptError(error: SmoothAgentError, facts: ErrorFacts): SmoothAgentError {
  const { kind, retryable, details } = error;
  const made = errorOfKind(kind, { ...facts, retryable, details, cause: error });
  made.message = error.message;
  return made;
}

/** Returns the kind that is shown: that of the close code where the table has one (REQ-CONN-15). */
export function linkKind(kind: ErrorKind, code: number | undefined): ErrorKind {
  const lost = kind === 'connection_lost' || kind === 'turn_interrupted';
  const said = lost && code !== undefined ? closeCode(code)?.kind : undefined;
  return said === 'authentication' ? said : kind;
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
  return ENDS.includes(shown) ? endError(shown, link, facts) : errorOfKind(shown, facts);
}

/** Returns an error of just this kind that says how the link ended, where one did. */
export function endError(
  kind: ErrorKind,
  link: LinkFacts | undefined,
  facts: ErrorFacts,
): SmoothAgentError {
  return errorOfKind(kind, { ...facts, closeCode: link?.code, closeReason: link?.reason });
}

/** Returns the error behind `settle(failed, ending)`. */
export function failure(ending: Ending, cause: Cause, facts: ErrorFacts): SmoothAgentError {
  const { event, fault, link } = cause;
  switch (ending) {
    case 'attempt':
      return link?.error
        ? attemptError(link.error, facts)
        : linkError('connect_failed', link, facts);
    case 'by_code':
      return serverError(event as ErrorEvent, facts);
    case 'protocol':
      return errorOfKind(ending, { ...facts, details: { status: statusOf(event) } });
    case 'invalid_frame':
      return frameError(fault, facts, event);
    case 'unexpected_event':
      return errorOfKind(ending, { ...facts, event, reason: event?.type });
    case 'message_too_large':
      return link?.error ?? linkError(ending, link, facts);
    default:
      return linkError(kindOf(ending), link, facts);
  }
}

/** An ending that is no kind tells of a success: the table never gives it to a failure. */
function kindOf(ending: Ending): ErrorKind {
  return Object.hasOwn(ERROR_KINDS, ending) ? (ending as ErrorKind) : 'protocol';
}

/**
 * Returns the error of a frame that had to be understood (REQ-WIRE-03); without a fault that of an
 * event that came out of its place in a turn (REQ-RESUME-06).
 */
export function frameError(
  fault: DecodeError | undefined,
  facts: ErrorFacts,
  event?: ServerEvent,
): SmoothAgentError {
  if (!fault) {
    const type = event && typeOf(event);
    const reason = type && `${type.slice(0, 64)} out of its place`;
    return errorOfKind('invalid_frame', { ...facts, details: { type }, reason });
  }
  const { kind, pointer } = fault.problem;
  const details = { type: fault.type, pointer, problem: kind };
  const reason = `${fault.type}${pointer && ` at ${pointer}`}`;
  return errorOfKind('invalid_frame', { ...facts, details, reason });
}
