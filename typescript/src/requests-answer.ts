import type { Logger } from './options';

/** How an `Answer` gets its outcome. */
export interface Deferred<T> {
  readonly answer: Answer<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * A promise whose failure is never an unhandled rejection: when nobody looks at it, it is logged
 * once at warning (REQ-TURN-16). `await`, `then` and `catch` look at it.
 */
export class Answer<T> extends Promise<T> {
  #seen = false;

  // What `then` gives is an ordinary promise: whoever chains is responsible for its failure.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Returns a pending answer; `what` names it in the log. */
  static pending<T>(logger: Logger, what: string): Deferred<T> {
    let resolve: (value: T) => void = () => {};
    let fail: (error: unknown) => void = () => {};
    const answer = new Answer<T>((onValue, onError) => {
      resolve = onValue;
      fail = onError;
    });
    Promise.prototype.then.call(answer, undefined, () => {});
    const reject = (error: unknown): void => {
      fail(error);
      answer.#warnUnseen(logger, what, error);
    };
    return { answer, resolve, reject };
  }

  /** Returns the answer that a promise gives. */
  static of<T>(logger: Logger, what: string, source: Promise<T>): Answer<T> {
    const { answer, resolve, reject } = Answer.pending<T>(logger, what);
    source.then(resolve, reject);
    return answer;
  }

  /** Returns the answer of what `begin` starts; the signal ends the wait alone (REQ-VERB-07). */
  static during<T>(
    logger: Logger,
    what: string,
    signal: AbortSignalLike | undefined,
    begin: () => Promise<T>,
  ): Answer<T> {
    const { answer, resolve, reject } = Answer.pending<T>(logger, what);
    if (signal?.aborted) {
      reject(signal.reason);
      return answer;
    }
    const unhook = onAbort(signal, reject);
    begin().then(resolve, reject).finally(unhook);
    return answer;
  }

  /** Returns an answer that has failed. */
  static failed<T>(logger: Logger, what: string, error: unknown): Answer<T> {
    const { answer, reject } = Answer.pending<T>(logger, what);
    reject(error);
    return answer;
  }

  // biome-ignore lint/suspicious/noThenProperty: seeing who looks is what the class is for
  override then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#seen = true;
    return super.then(onValue, onError);
  }

  async #warnUnseen(logger: Logger, what: string, error: unknown): Promise<void> {
    // `await` calls `then` two microtasks after the answer was returned.
    for (let turns = 0; turns < 3; turns += 1) await undefined;
    const name = error instanceof Error ? error.name : typeof error;
    if (!this.#seen) logger.warn('%s failed unseen: %s', what, name);
  }
}

/** Calls `stop` once when the signal aborts; returns a function that takes this back. */
export function onAbort(
  signal: AbortSignalLike | undefined,
  stop: (reason: unknown) => void,
): () => void {
  if (!signal) return () => {};
  const listener = (): void => stop(signal.reason);
  signal.addEventListener('abort', listener);
  return () => signal.removeEventListener('abort', listener);
}

/** What is used of the platform's `AbortSignal`. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
