import { LIMITS } from './wire/options';

/** What the server says about the wait before the next attempt. */
export interface Hint {
  /** Least number that the backoff counts from, by the table of close codes. */
  readonly backoffFrom?: number;
  /** Milliseconds that the server asked for (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
}

/** Waits and count of one client's attempts (REQ-CONN-31 to REQ-CONN-33). Pure. */
export class Backoff {
  /** Attempts since the count began anew; the first one of `connect()` is not among them. */
  attempts = 0;
  readonly #base: number;
  readonly #longest: number;
  #doublings = 0;

  /** `base` and `longest` are milliseconds. */
  constructor(base: number, longest: number) {
    this.#base = base;
    this.#longest = longest;
  }

  /** Begins to count anew (REQ-CONN-32). */
  reset(): void {
    this.attempts = 0;
    this.#doublings = 0;
  }

  /** Returns how many attempts are left of `limit`; undefined = without end. */
  remaining(limit: number | undefined): number {
    return limit === undefined ? Number.MAX_SAFE_INTEGER : limit - this.attempts;
  }

  /** Returns the whole milliseconds before the next attempt, and counts them; `draw` is U[0,1). */
  delay(draw: number, { backoffFrom = 0, retryAfterMs }: Hint = {}): number {
    const base = this.#base;
    const longest = this.#longest;
    const n = Math.max(this.#doublings, backoffFrom);
    this.#doublings = n + 1;
    if (retryAfterMs !== undefined) {
      const told = Math.min(retryAfterMs, LIMITS.retryAfterLongest);
      return Math.floor(told) + Math.floor(draw * Math.max(base, told / 4));
    }
    const grown = Math.min(longest, base * 2 ** Math.min(n, LIMITS.backoffDoublings));
    const wait = n === 0 ? Math.floor(draw * base) : base + Math.floor(draw * grown);
    return Math.floor(Math.min(longest, wait));
  }
}
