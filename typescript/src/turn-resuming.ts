// What a turn of a replay session has beside its states: the numbers of its events, and what waits
// until the turn goes on (REQ-RESUME-01 to REQ-RESUME-10).
import { typeOf } from './errors-made';
import { drawn, type Settings } from './options';
import { Backoff } from './supervisor-backoff';
import type { Frame } from './sender';
import type { Waiting } from './turn-answers';
import type { ErrorEvent, ServerEvent, TurnResumedEvent } from './wire/index';
import { SEQUENCE, type SequenceState, step, type StepEvent, type TurnState } from './wire/steps';

/** What a limit has left at least, in milliseconds. */
const LEAST_MS = 1;

/** Types of events that have no number. */
export const UNNUMBERED: readonly string[] = ['keepalive', 'turn_resumed'];
const NONE = Number.POSITIVE_INFINITY;

/** Returns the valid `seq` of an event, undefined where it has none. */
export function numberOf(event: ServerEvent): number | undefined {
  // An event that has no such fact may have a number all the same.
  const { seq } = ('seq' in event ? event : event.raw) as { readonly seq?: unknown };
  return Number.isSafeInteger(seq) && (seq as number) >= 1 ? (seq as number) : undefined;
}

/**
 * Numbers, waits and kept frames of one turn. Reads no clock. Where `replays` is false the session
 * is no replay session: `seq` means nothing then.
 */
export class Resuming {
  readonly replays: boolean;
  /** Newest number that was taken. */
  last = 0;
  /** Verbs that were called while the turn was suspended, the oldest first. */
  held: Waiting[] = [];
  /** A cancel that goes out behind the next `resume_turn`. */
  cancel: Frame | undefined;
  readonly #settings: Settings;
  readonly #backoff: Backoff;
  #state: SequenceState = SEQUENCE.initial;
  /** `lastSeq` of `turn_resumed`, until the turn has caught up. */
  #goal = NONE;
  /** `timestamp` of it. */
  #toldAt: number | undefined;
  /** What `resumeTimeoutMs` has left. */
  #left: number;
  #since = 0;

  constructor(settings: Settings, replays: boolean) {
    this.#settings = settings;
    this.replays = replays;
    this.#left = settings.resumeTimeoutMs;
    this.#backoff = new Backoff(settings.backoffBaseMs, settings.backoffMaxMs);
  }

  // Numbers

  /** Returns what an event is for the machines of its turn, in place of `word`. */
  takes(event: ServerEvent, word: StepEvent, turn: TurnState): StepEvent {
    if (!this.replays || UNNUMBERED.includes(typeOf(event))) return word;
    const number = numberOf(event);
    const facts = { turn, seq: this.#placeOf(number) };
    const { state, effects } = step(SEQUENCE, this.#state, word, facts);
    this.#state = state;
    for (const effect of effects) return effect.event;
    if (number !== undefined) this.#took(number);
    return word;
  }

  /** Takes an event that follows the one before and leads to nothing; false for any other. */
  follows(event: ServerEvent): boolean {
    if (!this.replays) return true;
    const next = this.last + 1;
    const { seq } = event as { readonly seq?: number };
    if (seq !== next || next >= this.#goal || this.#state !== SEQUENCE.initial) return false;
    this.#took(next);
    return true;
  }

  #placeOf(number: number | undefined): 'none' | 'old' | 'next' | 'gap' {
    if (number === undefined) return 'none';
    if (number <= this.last) return 'old';
    return number === this.last + 1 ? 'next' : 'gap';
  }

  #took(number: number): void {
    this.last = number;
    this.#left = this.#settings.resumeTimeoutMs;
  }

  // Suspended

  /**
   * Suspends the turn; returns the milliseconds until it fails, 0 = never. The frames of verbs that
   * have no answer may be lost.
   */
  begin(now: number, verbs: readonly Waiting[]): number {
    this.#since = now;
    this.#goal = NONE;
    for (const verb of verbs) verb.unsure ||= !this.held.includes(verb);
    return this.#left;
  }

  /**
   * Returns the cancel that was kept, once. That of a turn that `ended` waits for a link no longer
   * than `resumeTimeoutMs` (REQ-RESUME-08).
   */
  takeCancel(ended: number | undefined): Frame | undefined {
    const { cancel } = this;
    const { resumeTimeoutMs } = this.#settings;
    this.cancel = undefined;
    if (cancel && ended !== undefined && resumeTimeoutMs > 0) {
      cancel.until = ended + resumeTimeoutMs;
    }
    return cancel;
  }

  /** Returns what `turn_resumed` says of the turn; `gone` when the server knows less. */
  stateOf({ state, lastSeq }: TurnResumedEvent): string {
    const goesOn = state === 'running' || state === 'settled';
    return goesOn && lastSeq < this.last ? 'gone' : state;
  }

  /** Returns the wait before a refused `resume_turn` is written again (REQ-RESUME-05). */
  pause({ retryAfterMs }: ErrorEvent): number {
    return this.#backoff.delay(drawn(this.#settings), { retryAfterMs });
  }

  /** Lets the turn go on as `turn_resumed` says; returns the verbs that are to be written now. */
  goOn({ lastSeq, timestamp }: TurnResumedEvent, now: number): readonly Waiting[] {
    if (this.#left > 0) this.#left = Math.max(LEAST_MS, this.#left - (now - this.#since));
    this.#backoff.reset();
    this.#goal = lastSeq;
    this.#toldAt = timestamp;
    const { held } = this;
    this.held = [];
    return held;
  }

  /** Whether the turn has caught up just now (REQ-RESUME-07); true once. */
  caughtUp(): boolean {
    if (this.last < this.#goal) return false;
    this.#goal = NONE;
    return true;
  }

  /** Whether the turn goes on and has not caught up yet (REQ-RESUME-07). */
  get behind(): boolean {
    return this.#goal !== NONE;
  }

  // The server's time

  /** Returns how old a question is as it is read, in milliseconds; 0 but in a replay. */
  age(asked: ServerEvent): number {
    const { timestamp } = asked as { readonly timestamp?: number };
    if (this.#goal === NONE || this.#toldAt === undefined || timestamp === undefined) return 0;
    return Math.max(0, this.#toldAt - timestamp);
  }

  /** Returns the server's milliseconds between two numbered events (REQ-VERB-10). */
  passed(asked: ServerEvent, event: ServerEvent): number | undefined {
    if (!this.replays || numberOf(asked) === undefined || numberOf(event) === undefined) return;
    const { timestamp: from } = asked as { readonly timestamp?: number };
    const { timestamp: to } = event as { readonly timestamp?: number };
    return from === undefined || to === undefined ? undefined : to - from;
  }
}
