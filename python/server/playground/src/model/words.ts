// What went wrong, in words.
import { type Recovery, SmoothAgentError, type StateChange } from '@smooai/smooth-operator';

/** A failure as it is shown. */
export interface Problem {
  readonly text: string;
  /** The kind of the error, and the server's code where it gave one. */
  readonly kind: string;
  /** Whether it may help to say the same again. */
  readonly isRetryable: boolean;
  /** The server's own words. */
  readonly server: string | undefined;
}

export function problemOf(error: unknown): Problem {
  if (!SmoothAgentError.is(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return { text, kind: 'page', isRetryable: false, server: undefined };
  }
  const { message, kind, code, retryable, serverMessage } = error;
  return {
    text: message,
    kind: code ? `${kind} · ${code}` : kind,
    isRetryable: retryable,
    server: serverMessage,
  };
}

const FATES: { readonly [S in Recovery['status']]: string } = {
  answered: 'The answer was given: it is in the history.',
  not_answered: 'The turn is over, without an answer.',
  not_delivered: 'The server never had this message: it may be sent again.',
  unknown: 'Nothing tells what became of it, or it still runs.',
};

/** Says what became of a message. */
export function fateText(found: Recovery): string {
  return found.status === 'answered'
    ? (found.message.content.text ?? FATES.answered)
    : FATES[found.status];
}

/** Says what happened to the link, for the list of frames. */
export function linkText({ current, reason, code, attempt, retryInMs }: StateChange): string {
  if (current === 'open' || reason === 'connect') return `link ${current}`;
  const why = reason.replaceAll('_', ' ');
  const closed = code === undefined ? '' : `, code ${code}`;
  if (attempt === undefined) return `${why}${closed}: link ${current}`;
  return `${why}${closed}: attempt ${attempt} ${retryInMs ? `in ${seconds(retryInMs)}` : 'now'}`;
}

/** Returns a time as people read it: `35 ms`, `1.2 s`, `2 min`. */
export function seconds(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
