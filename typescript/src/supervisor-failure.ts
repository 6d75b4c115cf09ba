import { SmoothAgentError } from './errors';
import type { Hint } from './supervisor-backoff';
import { type CloseCodeInfo, closeCode, httpStatus } from './wire/codes';

/** Whether another attempt may help, and when (REQ-CONN-30). */
export interface Outlook extends Hint {
  readonly retry: 'yes' | 'no' | 'renew';
}

export const HOPELESS: Outlook = { retry: 'no' };

/** Why an attempt failed. */
export class Failure {
  constructor(
    readonly error: Error,
    readonly outlook: Outlook,
  ) {}
}

/** Returns what the close code of a link says about another one. */
export function afterClose(code: number | undefined): Outlook {
  return code === undefined ? HOPELESS : byRow(closeCode(code));
}

/** Returns the failure of an attempt; an error of the caller's own making is final. */
export function failureOf(error: Error, isFinal: boolean): Failure {
  if (isFinal || !SmoothAgentError.is(error)) return new Failure(error, HOPELESS);
  const { status, retryAfterMs } = error.details as { status?: number; retryAfterMs?: number };
  if (status === undefined) return new Failure(error, { retry: error.retryable ? 'yes' : 'no' });
  return new Failure(error, { ...byRow(httpStatus(status)), retryAfterMs });
}

function byRow(row: CloseCodeInfo | undefined): Outlook {
  return row ?? HOPELESS;
}
