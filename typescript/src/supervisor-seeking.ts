import type { Timer } from './clock';
import { drawn, type Settings, type TokenReason, type TokenRequest } from './options';
import { seeks } from './options-supports';
import { Backoff } from './supervisor-backoff';
import type { Outlook } from './supervisor-failure';
import type { Facts } from './wire/steps';

/** Count, wait and token of one client's attempts to find a link (REQ-CONN-30 to REQ-CONN-36). */
export class Seeking {
  /** What the last attempt failed with. */
  error: Error | undefined;
  readonly #settings: Settings;
  readonly #over: () => void;
  readonly #backoff: Backoff;
  #wait: Timer | undefined;
  #due = false;
  #reason: TokenReason = 'connect';
  #renewed = false;

  /** `over` is called when the wait before an attempt is over. */
  constructor(settings: Settings, over: () => void) {
    this.#settings = settings;
    this.#over = over;
    this.#backoff = new Backoff(settings.backoffBaseMs, settings.backoffMaxMs);
  }

  /** Number of the attempt to come, from 1. */
  get number(): number {
    return this.#backoff.attempts + 1;
  }

  /** Returns what the machine of the link may look at. */
  facts({ retry }: Outlook): Facts {
    const { retryInitialConnect, maxReconnectAttempts: most, token } = this.#settings;
    return {
      autoReconnect: seeks(this.#settings),
      retryInitial: retryInitialConnect && most !== 0,
      retry,
      tokenRenewable: typeof token === 'function' && !this.#renewed,
      attemptsRemaining: this.#backoff.remaining(most),
    };
  }

  /** Lets the first attempt of `connect()` follow this step. */
  begin(): void {
    this.beginAnew();
    this.error = undefined;
    this.#reason = 'connect';
    this.#due = true;
  }

  /** Counts attempts and waits from now on (REQ-CONN-32). */
  beginAnew(): void {
    this.#backoff.reset();
    this.#renewed = false;
  }

  /** Waits for the next attempt; returns the milliseconds (REQ-CONN-31, REQ-CONN-33). */
  schedule(outlook: Outlook): number {
    const wait = this.#backoff.delay(drawn(this.#settings), outlook);
    this.#wait = this.#settings.clock.setTimer(wait, this.#over);
    return wait;
  }

  /** Has the provider asked for another token next (REQ-CONN-34). */
  renew(): void {
    this.#renewed = true;
    this.#reason = 'rejected';
  }

  /** Lets one more attempt follow this step. */
  attempt(): void {
    if (this.#due) return;
    this.stop();
    this.#backoff.attempts += 1;
    this.#due = true;
  }

  /** Returns what the token of the attempt that follows is asked for with, if one does. */
  take(): TokenRequest | undefined {
    if (!this.#due) return undefined;
    this.#due = false;
    const reason = this.#reason;
    this.#reason = 'reconnect';
    return { reason };
  }

  /** Lets no attempt follow, now or later. */
  stop(): void {
    this.#due = false;
    this.#wait?.cancel();
    this.#wait = undefined;
  }
}
