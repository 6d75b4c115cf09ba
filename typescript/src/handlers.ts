// Functions of the application that answer questions in place of verbs, and what they are asked.
import type { AbortSignalLike } from './requests-answer';
import { CAPABILITIES } from './wire/codes';
import type { FieldError, Json, JsonObject, ServerEvent } from './wire/index';

/** The platform's `AbortSignal`, where its types are known. */
export type HandlerSignal = typeof globalThis extends {
  AbortSignal: { prototype: infer S extends AbortSignalLike };
}
  ? S
  : AbortSignalLike;

/** What every handler is told (REQ-ASK-02). */
export interface Ask {
  readonly requestId: string;
  readonly sessionId: string;
  /** Fires when the answer can no longer count (REQ-ASK-06); the second argument as well. */
  readonly signal: HandlerSignal;
  /** The event that asked; of a code the one that told where it went, if one did. */
  readonly event: ServerEvent;
}

/** A confirmation that a handler answers. */
export interface ConfirmAsk extends Ask {
  /** Tool that waits for the answer. */
  readonly toolId: string;
  /** What it is about to do, for a human. */
  readonly actionDescription: string;
}

/** A one-time code that a handler gives. */
export interface OtpAsk extends Ask {
  readonly toolId?: string;
  /** What the code is needed for, for a human. */
  readonly actionDescription?: string;
  readonly availableChannels: readonly string[];
  readonly authLevel?: string;
  /** How the code travels; missing when nothing said that it was sent. */
  readonly channel?: string;
  /** Where it was sent to, as far as it may be shown. */
  readonly maskedDestination?: string;
  /** Tries that are left after a wrong code; missing with the first call. */
  readonly attemptsRemaining?: number;
  /** Why the code before was not accepted. */
  readonly error?: string;
  /** What the server says of the code before, for a human. */
  readonly message?: string;
  /** What a human may be shown: the server's words, or where the code went. */
  readonly prompt: string;
}

/** An interaction that a handler answers. */
export interface InteractionAsk extends Ask {
  readonly interactionId: string;
  readonly kind: string;
  /** What is asked for, as the server wrote it. */
  readonly spec: Json;
  /** Why, for a human. */
  readonly reason?: string;
  /** What was wrong with the values before. */
  readonly errors: readonly FieldError[];
  /** What the server says of the values before, for a human. */
  readonly message?: string;
}

/** Gives true to approve, false to deny; anything else denies, and fails the turn. */
export type ConfirmHandler = (
  ask: ConfirmAsk,
  signal: HandlerSignal,
) => boolean | PromiseLike<boolean>;

type Given<T> = T | null | undefined;

/** Gives the code as typed; null or undefined declines (REQ-ASK-04). */
export type OtpHandler = (
  ask: OtpAsk,
  signal: HandlerSignal,
) => Given<string> | PromiseLike<Given<string>>;

/** Gives the values; null or undefined declines (REQ-ASK-04). */
export type InteractionHandler = (
  ask: InteractionAsk,
  signal: HandlerSignal,
) => Given<JsonObject | object> | PromiseLike<Given<JsonObject | object>>;

/**
 * What answers the questions of turns in place of verbs (REQ-ASK-01). Give it to a client, a
 * conversation or a message; for each kind of question the nearest one counts. One handler of a
 * turn runs at a time. One that throws, or gives what is no answer, never approves: the turn fails
 * with `HandlerError` (REQ-ASK-07).
 */
export interface Handlers {
  /** For confirmations. */
  readonly confirm?: ConfirmHandler | undefined;
  /** For one-time codes. */
  readonly otp?: OtpHandler | undefined;
  /** For interactions, by their kind; new sessions list them as capability words (REQ-CALL-07). */
  readonly interaction?: Readonly<Record<string, InteractionHandler>> | undefined;
}

/**
 * Returns handlers as they were given, none for undefined.
 *
 * @throws {TypeError} one is no function, or has no such name.
 */
export function checkHandlers(handlers: Handlers | undefined): Handlers {
  if (handlers === undefined) return {};
  if (!isObject(handlers)) throw new TypeError('handlers: expected an object');
  const { confirm, otp, interaction = {}, ...others } = handlers;
  for (const name of Object.keys(others)) {
    throw new TypeError(`handlers.${name.slice(0, 64)}: no such handler`);
  }
  if (!isObject(interaction)) throw new TypeError('handlers.interaction: expected an object');
  const named = Object.entries({ confirm: confirm ?? noop, otp: otp ?? noop });
  for (const [name, handler] of [...named, ...Object.entries(interaction)]) {
    if (typeof handler !== 'function') {
      throw new TypeError(`handlers: ${name.slice(0, 64)}: expected a function`);
    }
  }
  return handlers;
}

const noop = (): void => {};

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** Returns what counts of several levels, the nearest last (REQ-ASK-01). */
export function mergedHandlers(...levels: readonly Handlers[]): Handlers {
  let made: Handlers = {};
  for (const { confirm = made.confirm, otp = made.otp, interaction } of levels) {
    made = { confirm, otp, interaction: { ...made.interaction, ...interaction } };
  }
  return made;
}

/** Returns the capability words that the interaction handlers stand for (REQ-CALL-07). */
export function handlerWords({ interaction = {} }: Handlers): readonly string[] {
  const kinds = Object.keys(interaction).map((kind) => `handler ${kind}`);
  const rows = CAPABILITIES.filter(({ impliedBy }) => kinds.some((why) => impliedBy.includes(why)));
  return rows.map(({ word }) => word);
}
