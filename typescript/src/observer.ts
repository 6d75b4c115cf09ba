import type { Listeners } from './listeners';
import type { Outcome, QuestionKind } from './wire/steps';

/**
 * Hooks for spans, counters and logs: what an application may watch of a client, as far as it wants.
 *
 * They are called in order, beside the listeners and never inside the frame of a caller. One that
 * throws is logged and disturbs nothing. No text of a message, no code and no token is given to one.
 */
export interface Observer {
  /** An attempt to open a link to `host`, with its port, ended; without an error it is open. */
  attempt?(host: string, error: Error | undefined): unknown;
  /** A call has its answer, or failed. One whose signal aborted is not told of. */
  call?(action: string, requestId: string, error: Error | undefined): unknown;
  /** A message was queued, and its turn began. */
  turnStarted?(requestId: string, sessionId: string): unknown;
  /** The first piece of a turn's text came. */
  firstToken?(requestId: string): unknown;
  /** A turn asks a human. */
  question?(requestId: string, kind: QuestionKind): unknown;
  /** A turn has its outcome; `error` is the one of a failed turn. */
  turnSettled?(requestId: string, outcome: Outcome, error: Error | undefined): unknown;
}

type Facts<H extends keyof Observer> = Parameters<NonNullable<Observer[H]>>;

/** Every hook by its name; the compiler holds it to `Observer`. */
const HOOKS: { readonly [H in keyof Required<Observer>]: true } = {
  attempt: true,
  call: true,
  turnStarted: true,
  firstToken: true,
  question: true,
  turnSettled: true,
};

/** Tells an observer through the queue of the listeners. */
export class Watch {
  readonly #listeners: Listeners;

  /** @throws {TypeError} a hook is no function. */
  constructor(observer: Observer = {}, listeners: Listeners) {
    this.#listeners = listeners;
    for (const hook of Object.keys(HOOKS) as (keyof Observer)[]) {
      const heard = observer[hook] as ((...facts: unknown[]) => unknown) | undefined;
      if (heard === undefined) continue;
      if (typeof heard !== 'function') throw new TypeError(`observer.${hook}: expected a function`);
      listeners.add(hook, (facts: unknown[]) => heard.apply(observer, facts), false);
    }
  }

  /** Queues a call of one hook; nothing happens when nobody has it. */
  tell<H extends keyof Observer>(hook: H, ...facts: Facts<H>): void {
    this.#listeners.emit(hook, facts);
  }
}
