import type { Settings } from './options';
import type { TurnDriver } from './turn-driver';
import { LIMITS } from './wire/options';

/** The turns of one client that have no outcome, by their session (REQ-TURN-31). */
export class TurnLine {
  readonly #settings: Settings;
  readonly #open = new Map<string, readonly TurnDriver[]>();
  /** When the terminal event of a turn came, for sessions where that is not long ago. */
  readonly #ended = new Map<string, number>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Lets a message go out, or wait for the turns before it. */
  enter(turn: TurnDriver): void {
    this.join(turn);
    if (this.#isSerial && this.#of(turn.sessionId).length > 1) turn.wait();
    else turn.start();
  }

  /** Takes note of a turn that runs already. */
  join(turn: TurnDriver): void {
    this.#open.set(turn.sessionId, [...this.#of(turn.sessionId), turn]);
  }

  /** Takes note that a turn has its outcome; whose turn it is then starts after this step. */
  over(turn: TurnDriver): void {
    const { sessionId } = turn;
    const others = this.#of(sessionId).filter((one) => one !== turn);
    if (others.length === 0) this.#open.delete(sessionId);
    else this.#open.set(sessionId, others);
    if (!this.#isSerial) return;
    queueMicrotask(() => {
      const [next] = this.#of(sessionId);
      if (next?.waits) next.start();
    });
  }

  /** Takes note that the terminal event of a turn came. */
  terminal(sessionId: string): void {
    const now = this.#settings.clock.now();
    for (const [key, at] of this.#ended) if (!isRecent(now, at)) this.#ended.delete(key);
    this.#ended.set(sessionId, now);
  }

  /** Says whether a refused message came right after another turn (REQ-TURN-32). */
  isEarly(turn: TurnDriver, sentAt: number): boolean {
    const at = this.#ended.get(turn.sessionId);
    return at !== undefined && isRecent(sentAt, at) && this.#of(turn.sessionId).length === 1;
  }

  get #isSerial(): boolean {
    return this.#settings.turnPolicy === 'queue';
  }

  #of(sessionId: string): readonly TurnDriver[] {
    return this.#open.get(sessionId) ?? [];
  }
}

const isRecent = (now: number, at: number): boolean => Math.round(now - at) < LIMITS.slotGrace;
