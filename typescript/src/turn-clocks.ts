import { startLimit, type Timer } from './clock';
import type { Settings } from './options';
import type { StepEvent } from './wire/steps';

/** The limits of one turn beside those of its questions; a limit of 0 is off. */
export class TurnClocks {
  readonly #settings: Settings;
  readonly #fire: (word: StepEvent) => void;
  readonly #timers = new Map<StepEvent, Timer>();
  #idle: Timer | undefined;
  #idleSince = 0;
  #fresh = false;

  constructor(settings: Settings, fire: (word: StepEvent) => void) {
    this.#settings = settings;
    this.#fire = fire;
  }

  /** Starts a limit that nothing extends; it tells its word unless it is cleared before. */
  start(limitMs: number, word: StepEvent): void {
    const fire = (): void => this.#fire(word);
    this.#timers.set(word, startLimit(this.#settings.clock, limitMs, fire));
  }

  /** Stops a limit. */
  clear(word: StepEvent): void {
    this.#timers.get(word)?.cancel();
    this.#timers.delete(word);
  }

  /** Starts the idle clock anew, or lets it stand still (REQ-TURN-11). */
  touch(still: boolean): void {
    const { clock, turnIdleTimeoutMs } = this.#settings;
    if (still || turnIdleTimeoutMs === 0) {
      this.#idle?.cancel();
      this.#idle = undefined;
      return;
    }
    // One timer for many frames: it is armed again only when it fires too early. What is read at
    // once came at one time.
    if (!this.#fresh) {
      this.#idleSince = clock.now();
      this.#fresh = true;
      queueMicrotask(() => {
        this.#fresh = false;
      });
    }
    this.#idle ??= startLimit(clock, turnIdleTimeoutMs, () => this.#look());
  }

  /** Stops every limit: the turn has settled. */
  stop(): void {
    this.keep();
  }

  /** Stops every limit but that of a word. */
  keep(word?: StepEvent): void {
    for (const other of [...this.#timers.keys()]) if (other !== word) this.clear(other);
    this.touch(true);
  }

  #look(): void {
    const { clock, turnIdleTimeoutMs } = this.#settings;
    const left = this.#idleSince + turnIdleTimeoutMs - clock.now();
    this.#idle = left > 0 ? startLimit(clock, left, () => this.#look()) : undefined;
    if (left <= 0) this.#fire('idle_timeout');
  }
}
