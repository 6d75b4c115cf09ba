import { tokenOf, whole } from './accumulator';
import { errorOfKind } from './errors';
import { type AbortSignalLike, onAbort } from './requests-answer';
import type { TurnDriver } from './turn-driver';
import { Backlog, type Follower, type TurnItem } from './turn-items';

type Step = IteratorResult<TurnItem, undefined>;

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** One `next` that nothing could be given yet. */
interface Waiter {
  readonly resolve: (step: Step) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The events of a turn from the first one on; raises the turn's error after them (REQ-TURN-02).
 * `return` leaves the iteration: that stops the turn unless somebody else follows it (REQ-STOP-05).
 */
export interface TurnEvents extends AsyncIterableIterator<TurnItem> {
  /**
   * Resolves to the next event.
   *
   * @throws {SmoothAgentError} the turn failed, after the events that came before.
   * @throws {SlowConsumerError} more than 1,024 events or 8 MiB waited that were not tokens side
   * by side; the turn itself goes on.
   */
  next(): Promise<Step>;
  return(): Promise<IteratorReturnResult<undefined>>;
}

/** The text of a turn, piece by piece; the whole text once if nothing was streamed (REQ-TURN-10). */
export interface TextStream extends AsyncIterableIterator<string> {
  next(): Promise<IteratorResult<string, undefined>>;
  return(): Promise<IteratorReturnResult<undefined>>;
}

/** One reader of a turn's events. */
export class TurnReader implements TurnEvents, Follower {
  readonly #driver: TurnDriver;
  readonly #unhook: () => void;
  readonly #backlog: Backlog;
  #waiters: Waiter[] = [];
  #over = false;
  /** What the next call raises, once. */
  #fault: { readonly reason: unknown } | undefined;

  constructor(driver: TurnDriver, signal?: AbortSignalLike) {
    this.#driver = driver;
    driver.seen = true;
    driver.watchers.add(this);
    this.#backlog = new Backlog(driver.text.streamed);
    driver.items.follow(this, this.#backlog);
    this.#unhook = onAbort(signal, (reason) => this.#abort(reason));
    if (signal?.aborted) this.#abort(signal.reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    const value = this.#over ? undefined : this.#backlog.take();
    if (value) return Promise.resolve({ done: false, value });
    if (!this.#over && this.#backlog.over) this.#fallBehind();
    else if (!this.#over && this.#driver.settled) this.#finish();
    if (this.#over) return this.#end();
    // Calls that do not wait for each other are served in their order.
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  item(item: TurnItem, bytes: number): void {
    const waiter = this.#waiters.shift();
    if (waiter) waiter.resolve({ done: false, value: item });
    else this.#backlog.add(item, bytes);
  }

  ended(): void {
    // Whoever waits has taken every item.
    if (this.#waiters.length > 0) this.#finish();
  }

  #end(): Promise<Step> {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault ? Promise.reject(fault.reason) : Promise.resolve(DONE);
  }

  #finish(): void {
    const { error } = this.#driver;
    if (error) this.#fault = { reason: error };
    this.#leave();
  }

  /** Ends this iterator alone. */
  #fallBehind(): void {
    const { requestId, sessionId } = this.#driver;
    this.#fault = { reason: errorOfKind('slow_consumer', { requestId, sessionId }) };
    this.#driver.watchers.delete(this);
    this.#close();
  }

  #abort(reason: unknown): void {
    if (this.#over) return;
    this.#fault = { reason };
    this.#leave();
  }

  #leave(): void {
    if (this.#over) return;
    this.#close();
    this.#driver.leave(this);
  }

  #close(): void {
    this.#over = true;
    this.#unhook();
    this.#driver.items.leave(this);
    const [first, ...others] = this.#waiters;
    this.#waiters = [];
    if (first) this.#end().then(first.resolve, first.reject);
    for (const waiter of others) waiter.resolve(DONE);
  }
}

/** One reader of a turn's text. */
export class TurnText implements TextStream {
  readonly #driver: TurnDriver;
  readonly #events: TurnReader;
  #half = '';
  #failed: unknown;
  #streamed = false;

  constructor(driver: TurnDriver) {
    this.#driver = driver;
    this.#events = new TurnReader(driver);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    try {
      for (;;) {
        const { done, value } = await this.#events.next();
        if (done) break;
        if (value.type !== 'stream_token') continue;
        this.#streamed = true;
        const piece = this.#joined(tokenOf(value));
        if (piece !== undefined) return { done: false, value: piece };
      }
    } catch (error) {
      this.#failed = error;
    }
    return this.#rest();
  }

  /** Keeps half a pair at the end back for the next token; undefined when nothing is left. */
  #joined(token: string): string | undefined {
    const text = this.#half + token;
    const isHalf = /[\ud800-\udbff]$/.test(text);
    this.#half = isHalf ? text.slice(-1) : '';
    const piece = isHalf ? text.slice(0, -1) : text;
    return isHalf && !piece ? undefined : whole(piece);
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#streamed = true;
    return this.#events.return();
  }

  #rest(): IteratorResult<string, undefined> {
    let value: string | undefined = this.#half && '\ufffd';
    this.#half = '';
    if (!value) {
      const failed = this.#failed;
      this.#failed = undefined;
      if (failed) throw failed;
      value = this.#streamed ? '' : this.#driver.result?.text;
      this.#streamed = true;
    }
    return value ? { done: false, value } : DONE;
  }
}
