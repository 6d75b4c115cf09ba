import { errorOfKind } from './errors';
import { sizeOf } from './link-tap';
import type { Watch } from './observer';
import type { Settings } from './options';
import { Outgoing } from './outbox';
import type { Router } from './router';
import type { LinkFacts } from './errors-made';
import type { Supervisor, Unstarted } from './supervisor';
import {
  type ActionName,
  type ActionParams,
  type Actions,
  encodeAction,
  makeAction,
} from './wire/index';
import { LIMITS } from './wire/options';

/** Half of a pair, as JSON writes one that stands alone. */
const HALF = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/**
 * Returns an action as a caller wrote it (REQ-CALL-11, REQ-CALL-12).
 *
 * @throws {TypeError} names the member that is missing, not allowed, or holds half a character.
 */
export function checkedAction<A extends ActionName>(name: A, params: ActionParams<A>): Actions[A] {
  const action = makeAction(name, params);
  for (const [member, value] of Object.entries(action)) {
    if (HALF.test(JSON.stringify(value))) {
      throw new TypeError(`${name}.${member}: half of a surrogate pair`);
    }
  }
  return action;
}

/** What a call, a verb or a turn sends its frames through. */
export class Sender {
  readonly settings: Settings;
  readonly router: Router;
  readonly watch: Watch;
  readonly #supervisor: Supervisor;

  constructor(settings: Settings, router: Router, supervisor: Supervisor, watch: Watch) {
    this.settings = settings;
    this.router = router;
    this.#supervisor = supervisor;
    this.watch = watch;
  }

  /**
   * Returns the id of a new action: the caller's own, or a fresh one (REQ-CALL-01).
   *
   * @throws {TypeError} the id is in flight already, or no string.
   */
  claim(own?: string): string {
    const requestId = own ?? this.settings.idGenerator();
    if (typeof requestId !== 'string' || requestId === '') {
      throw new TypeError('requestId: expected a non-empty string');
    }
    if (this.router.owner(requestId)) {
      throw new TypeError(`requestId: ${requestId.slice(0, 64)} is in flight already`);
    }
    return requestId;
  }

  /** Returns the frame of an action under an id. */
  frame(action: { readonly action: string }, requestId: string): Frame {
    const { action: name, ...rest } = action;
    const text = encodeAction({ action: name, requestId, ...rest });
    const { sessionId } = rest as { sessionId?: string };
    return new Outgoing(name, requestId, text, sessionId) as Frame;
  }

  /**
   * Queues a frame for the link; returns why it cannot start.
   *
   * @throws {MessageTooLargeError} over 1 MiB; nothing was sent (REQ-CALL-10).
   */
  submit(outgoing: Outgoing): Unstarted | undefined {
    this.check(outgoing);
    return this.#supervisor.submit(outgoing);
  }

  /** @throws {MessageTooLargeError} the frame is over 1 MiB (REQ-CALL-10). */
  check({ requestId, sessionId, text }: Outgoing): void {
    const limit = LIMITS.outboundBytes;
    const size = sizeOf(text);
    if (size <= limit) return;
    const details = { size, limit };
    throw errorOfKind('message_too_large', { requestId, sessionId, details });
  }

  /** Writes or keeps a frame of what began before, as `Supervisor.put`. */
  put(outgoing: Outgoing): void {
    this.#supervisor.put(outgoing);
  }

  /** Whether a frame that is written now leaves at once. */
  get linked(): boolean {
    return this.#supervisor.linked;
  }

  /** How the last link was lost; undefined when none was. */
  get ending(): LinkFacts | undefined {
    return this.#supervisor.ending;
  }

  /** Takes note of what a handler still does, as `Supervisor.beside`. */
  beside(work: Promise<void>): void {
    this.#supervisor.beside(work);
  }

  /** Counts a suspended turn that goes on (REQ-LOG-03). */
  resumed(): void {
    this.#supervisor.counters.resumedTurns += 1;
  }

  /** Takes note that a session was opened or found (REQ-CONN-42). */
  sessionKnown(): void {
    this.#supervisor.sessionKnown = true;
  }
}

/** A frame with an id, as all of ours are. */
export type Frame = Outgoing & { readonly requestId: string };
