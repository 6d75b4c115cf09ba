import { startLimit, type Timer } from './clock';
import type { Settings } from './options';
import { LIMITS } from './wire/options';

/** What a timer of an open link says. */
export type LifeWord = 'stable' | 'silence' | 'wake' | 'pong_timeout' | 'probe_failed';

/** Sums of fractions must not take a timer that is due for one that is early. */
const HAIR_MS = 1e-6;

/** Timers of one link after the other: whether it lives, and whether it is stable. */
export class Liveness {
  readonly #settings: Settings;
  readonly #happened: (word: LifeWord) => void;
  #stable: Timer | undefined;
  #ping: Timer | undefined;
  /** Timers of the pings of our own that nothing followed yet. */
  #signs = new Map<LifeWord, Timer>();
  #heardAt = 0;
  #fresh = false;
  readonly #stale = (): void => {
    this.#fresh = false;
  };
  /** Both clocks when the ping timer was armed. */
  #armed: readonly [now: number, wall: number] = [0, 0];

  /** `happened` takes the event of a timer that is due; it may begin or end a link. */
  constructor(settings: Settings, happened: (word: LifeWord) => void) {
    this.#settings = settings;
    this.#happened = happened;
  }

  /** Watches a link that opened. */
  begin(): void {
    const { clock, stableAfterMs, pingIntervalMs } = this.#settings;
    this.#stable = startLimit(clock, stableAfterMs, () => this.#happened('stable'));
    this.#heardAt = clock.now();
    if (pingIntervalMs > 0) this.#watch(pingIntervalMs);
  }

  /** Takes note that a message came: the link lives. No timer is armed for it (REQ-CONN-38). */
  heard(): void {
    // What is read at once came at one time.
    if (this.#fresh) return;
    this.#fresh = true;
    queueMicrotask(this.#stale);
    this.#heardAt = this.#settings.clock.now();
    if (this.#signs.size > 0) this.#dropSigns();
  }

  /** Waits for a sign of life: a ping went out after a silence. */
  pinged(): void {
    const { pongTimeoutMs } = this.#settings;
    if (pongTimeoutMs > 0) this.#expect(pongTimeoutMs, 'pong_timeout');
  }

  /** Waits for a sign of life: a ping went out after a sleep (REQ-CONN-39). */
  probed(): void {
    this.#expect(LIMITS.probeTimeout, 'probe_failed');
  }

  /** Watches no longer: the link has ended. */
  end(): void {
    this.#stable?.cancel();
    this.#ping?.cancel();
    this.#dropSigns();
  }

  #expect(limit: number, word: LifeWord): void {
    // A further ping does not put off the end of the wait that an earlier one began.
    if (this.#signs.has(word)) return;
    const over = (): void => this.#happened(word);
    this.#signs.set(word, startLimit(this.#settings.clock, limit, over));
  }

  #dropSigns(): void {
    for (const timer of this.#signs.values()) timer.cancel();
    this.#signs.clear();
  }

  #watch(delay: number): void {
    const { clock } = this.#settings;
    this.#armed = [clock.now(), clock.wall()];
    this.#ping = startLimit(clock, delay, () => this.#look());
  }

  /** Looks when something came last; messages only note the time. */
  #look(): void {
    const { clock, pingIntervalMs: interval } = this.#settings;
    const left = this.#heardAt + interval - clock.now();
    const silent = left < HAIR_MS;
    const [now, wall] = this.#armed;
    const slept = clock.wall() - wall - (clock.now() - now) > 2 * interval;
    this.#watch(silent ? interval : left);
    if (slept) this.#happened('wake');
    else if (silent) this.#happened('silence');
  }
}
