import { type AbortSignalLike, onAbort } from './requests.answer';
import type { TurnDriver } from './turn.driver';
import type { ServerEvent } from './wire/index';

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** The events of a turn from the first one on; raises the turn's error after them (REQ-TURN-02). */
export class TurnEvents implements AsyncIterableIterator<ServerEvent, undefined> {
  readonly #driver: TurnDriver;
  readonly #unhook: () => void;
  #next = 0;
  #over = false;
  #aborted: { readonly reason: unknown } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #wake: (() => void) | undefined;

  constructor(driver: TurnDriver, signal?: AbortSignalLike) {
    this.#driver = driver;
    driver.seen = true;
    driver.watchers.add(this);
    this.#unhook = onAbort(signal, (reason) => this.#abort(reason));
    if (signal?.aborted) this.#abort(signal.reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * Resolves to the next event.
   *
   * @throws {SmoothAgentError} the turn failed, after the events that came before.
   */
  next(): Promise<IteratorResult<ServerEvent, undefined>> {
    if (this.#pending === 0) return this.#track(this.#advance());
    // Calls that do not wait for each other are served in their order.
    return this.#track(this.#last.then(() => this.#advance()));
  }

  /** Leaves the iteration: stops the turn unless somebody else follows it (REQ-STOP-05). */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  #track<T>(step: Promise<T>): Promise<T> {
    this.#pending += 1;
    const done = (): void => {
      this.#pending -= 1;
    };
    this.#last = step.then(done, done);
    return step;
  }

  async #advance(): Promise<IteratorResult<ServerEvent, undefined>> {
    while (!this.#over) {
      const value = this.#driver.items[this.#next];
      if (value) {
        this.#next += 1;
        return { done: false, value };
      }
      if (this.#driver.settled) {
        this.#leave();
        if (this.#driver.error) throw this.#driver.error;
        return DONE;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#driver.onChange(resolve);
      });
    }
    const aborted = this.#aborted;
    this.#aborted = undefined;
    if (aborted) throw aborted.reason;
    return DONE;
  }

  #abort(reason: unknown): void {
    if (this.#over) return;
    this.#aborted = { reason };
    this.#leave();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#unhook();
    this.#driver.leave(this);
    this.#wake?.();
  }
}

/** The text of a turn, piece by piece; the whole text once if nothing was streamed (REQ-TURN-10). */
export class TextStream implements AsyncIterableIterator<string, undefined> {
  readonly #driver: TurnDriver;
  readonly #events: TurnEvents;
  #streamed = false;

  constructor(driver: TurnDriver) {
    this.#driver = driver;
    this.#events = new TurnEvents(driver);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    for (;;) {
      const { done, value } = await this.#events.next();
      if (done) return this.#rest();
      if (value.type === 'stream_token') {
        this.#streamed = true;
        return { done: false, value: value.token };
      }
    }
  }

  /** Leaves the stream, as `TurnEvents.return`. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#streamed = true;
    return this.#events.return();
  }

  #rest(): IteratorResult<string, undefined> {
    const value = this.#driver.result?.text ?? '';
    if (this.#streamed || value === '') return DONE;
    this.#streamed = true;
    return { done: false, value };
  }
}
