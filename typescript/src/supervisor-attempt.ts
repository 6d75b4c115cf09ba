import { type Timer, startLimit } from './clock';
import { errorOfKind, SmoothAgentError } from './errors';
import { scrubbed } from './errors-cause';
import { HandshakeError, type Transport } from './opener';
import type { Link } from './link';
import type { Settings, TokenRequest } from './options';
import { address, checkValue } from './options-handshake';
import { type Failure, failureOf } from './supervisor-failure';
import { defaultOpener } from './transport';
import { httpStatus } from './wire/codes';
import { ERROR_KINDS, type ErrorKind } from './wire/index';

/** One attempt to open a link. */
export class Attempt {
  /** Resolves when the attempt is over; never rejects. */
  done: Promise<void> = Promise.resolve();
  /** The provider ended the seeking: no further attempt may help. */
  isFinal = false;
  /** Rejects when the attempt is given up. */
  readonly givenUp: Promise<never>;
  /** Ends the attempt with an error. */
  readonly giveUp: (error: SmoothAgentError) => void;

  constructor() {
    let giveUp: (error: SmoothAgentError) => void = () => {};
    this.givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    // Most attempts are never given up; those that are, are told through `done`.
    this.givenUp.catch(() => {});
    this.giveUp = giveUp;
  }
}

/**
 * Makes the attempt, within the limit: the socket `before` it goes, then token, then handshake.
 * What it failed with is returned: there may be nobody to catch it. Nothing runs before the caller
 * is done.
 */
export async function openLink(
  settings: Settings,
  attempt: Attempt,
  request: TokenRequest,
  before: Link | undefined,
): Promise<Transport | Failure> {
  const timer = startAttempt(settings, attempt);
  before?.drop();
  try {
    await Promise.race([before?.gone, attempt.givenUp]);
    const token = await tokenOf(settings, attempt, request);
    return await handshake(settings, attempt, token);
  } catch (error) {
    return failureOf(error as Error, attempt.isFinal);
  } finally {
    timer?.cancel();
  }
}

function startAttempt(settings: Settings, attempt: Attempt): Timer | undefined {
  const { connectTimeoutMs: limit, clock, host } = settings;
  if (limit === 0) return undefined;
  const reason = `no link within ${limit} ms`;
  return startLimit(clock, limit, () =>
    attempt.giveUp(errorOfKind('connect_failed', { host, reason })),
  );
}

/** @throws {TypeError} the token provider gave what is no token (REQ-CONN-28). */
async function tokenOf(
  settings: Settings,
  attempt: Attempt,
  request: TokenRequest,
): Promise<string | undefined> {
  const { token: source, tokenIn } = settings;
  if (typeof source !== 'function') return source;
  const asked = (async () => source(request))().catch((cause) => {
    // What the provider raised of this kind stays what it is, and is final (REQ-CONN-28).
    attempt.isFinal = SmoothAgentError.is(cause) && cause.kind === 'authentication';
    throw attempt.isFinal ? cause : foreignFault(cause, settings, []);
  });
  const token: unknown = await Promise.race([asked, attempt.givenUp]);
  if (typeof token !== 'string') throw new TypeError('token: expected a string');
  if (tokenIn === 'header') checkValue('token', token);
  return token;
}

async function handshake(
  settings: Settings,
  { givenUp }: Attempt,
  token: string | undefined,
): Promise<Transport> {
  const { tokenIn, headers: given, url, origin, roots, maxMessageBytes } = settings;
  const inHeader = token !== undefined && tokenIn === 'header';
  const headers = inHeader ? { ...given, Authorization: `Bearer ${token}` } : given;
  const to = address(url, inHeader ? undefined : token);
  const open = settings.opener ?? defaultOpener;
  const fault = (cause: unknown): never => {
    throw openingFault(cause, settings, token);
  };
  const opening = (async () =>
    open({ url: to, headers, origin, roots, maxMessageBytes, HandshakeError }))();
  const made = opening.catch(fault);
  const transport = await Promise.race([made, givenUp]).catch((error) => {
    // An attempt that was given up leaves no socket behind.
    made.then(
      (late) => late.terminate(),
      () => {},
    );
    throw error;
  });
  try {
    await Promise.race([transport.opened.catch(fault), givenUp]);
    return transport;
  } catch (error) {
    transport.terminate();
    throw error;
  }
}

/** Why the socket could not be opened (REQ-CONN-12, REQ-CONN-22, REQ-CONN-23). */
function openingFault(
  cause: unknown,
  settings: Settings,
  token: string | undefined,
): SmoothAgentError {
  const secrets = token === undefined ? [] : [token, encodeURIComponent(token)];
  if (!(cause instanceof HandshakeError)) return foreignFault(cause, settings, secrets);
  const { host } = settings;
  const { status, retryable, message: reason } = cause;
  const details = { ...cause.details };
  const why =
    cause.cause === undefined ? undefined : scrubbed(cause.cause, known(settings, secrets));
  const row = status === undefined ? undefined : httpStatus(status);
  if (!row) return errorOfKind('connect_failed', { host, details, retryable, reason, cause: why });
  const kind = Object.hasOwn(ERROR_KINDS, row.kind) ? (row.kind as ErrorKind) : 'connect_failed';
  const helps = kind === 'connect_failed' ? { retryable: row.retry === 'yes' } : {};
  return errorOfKind(kind, { host, details, ...helps, cause: why });
}

/** What the application's own code raised. Its text may hold anything; its name does not. */
function foreignFault(
  cause: unknown,
  settings: Settings,
  secrets: readonly string[],
): SmoothAgentError {
  const { host } = settings;
  const reason = cause instanceof Error ? cause.name : typeof cause;
  return errorOfKind('connect_failed', {
    host,
    reason,
    cause: scrubbed(cause, known(settings, secrets)),
  });
}

/** What no cause may show: the query of the URL and the values of headers (REQ-CONN-21). */
function known({ url, headers }: Settings, secrets: readonly string[]): string[] {
  const query = url.split('#', 1)[0]?.split('?')[1] ?? '';
  return [query, ...Object.values(headers), ...secrets];
}
