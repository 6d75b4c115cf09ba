import { FRAME, type FrameState, step, type StepEvent } from './wire/steps';

/** What a link takes frames for. */
export interface Taker {
  /** Takes a frame: from now on it may leave. Must not block. */
  take(outgoing: Outgoing): void;
}

/** One frame on its way out; steps through the table `frame`. */
export class Outgoing {
  /** Time of the clock from which on it is not written any more. */
  until = Number.POSITIVE_INFINITY;
  #state: FrameState = FRAME.initial;

  constructor(
    readonly action: string,
    readonly requestId: string | undefined,
    readonly text: string,
    /** Session that the action names, for its errors. */
    readonly sessionId?: string | undefined,
  ) {}

  /** Whether the frame may have left this machine: then it cannot be taken back (REQ-CONN-16). */
  get mayHaveLeft(): boolean {
    return this.#state === 'writing' || this.#state === 'written';
  }

  /** Whether the frame waits for a link. */
  get waits(): boolean {
    return this.#state === 'queued';
  }

  /** Returns the same frame to be written once more (REQ-CALL-13). */
  again(): Outgoing {
    return new Outgoing(this.action, this.requestId, this.text, this.sessionId);
  }

  /** Whether nothing more becomes of the frame. */
  get over(): boolean {
    return this.#state === 'written' || this.#state === 'dropped';
  }

  /**
   * Steps on what happens to the frame; `sought`: another link follows, `offer` gives the frame to
   * the link that is ready.
   */
  on(word: StepEvent, sought = false, offer: () => void = () => {}): void {
    const { state, effects } = step(FRAME, this.#state, word, { sought });
    this.#state = state;
    for (const { do: effect } of effects) {
      if (effect === 'offer') offer();
      else effect satisfies never;
    }
  }

  /** Takes the frame back, if it still waits for a link. */
  withdraw(): void {
    this.on('withdrawn');
  }
}

/**
 * Frames that no link has taken yet, in the order of the calls that caused them (REQ-CONN-16), and
 * those that the link has and nobody knows to be out of our hands. Outlives a link. Each frame
 * belongs to a call, verb or turn that waits, which bounds their number.
 */
export class Outbox {
  #taker: Taker | undefined;
  #queue: Outgoing[] = [];
  readonly #taken = new Set<Outgoing>();
  readonly #now: () => number;

  /** `now` tells the clock's time. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many frames wait for a link. */
  get waiting(): number {
    this.#dropLate();
    this.#queue = this.#queue.filter(({ waits }) => waits);
    return this.#queue.length;
  }

  /** Takes back what is too late by now (REQ-RESUME-08). */
  #dropLate(): void {
    const now = this.#now();
    for (const outgoing of this.#queue) {
      if (Math.round(outgoing.until - now) <= 0) outgoing.withdraw();
    }
  }

  /**
   * Queues a frame behind all others; a link that is ready takes it at once. What is written a
   * second time is queued in the step that lost its link, before anything that is called later.
   */
  put(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    if (this.#taker) this.linkReady(this.#taker);
  }

  /** Offers all that waits to a link; what `first` puts goes before it. */
  linkReady(taker: Taker, first?: () => void): void {
    this.#taker = taker;
    this.#dropLate();
    const waiting = this.#queue;
    this.#queue = [];
    try {
      first?.();
      for (const outgoing of waiting) this.#offer(outgoing, taker);
    } finally {
      // What a link that broke has not taken waits for the next one.
      this.#queue.push(...waiting.filter(({ waits }) => waits));
    }
  }

  #offer(outgoing: Outgoing, taker: Taker): void {
    outgoing.on('link_ready', false, () => {
      this.#taken.add(outgoing);
      outgoing.on('taken');
      taker.take(outgoing);
    });
  }

  /** Takes note that the socket has a frame. */
  flushed(outgoing: Outgoing): void {
    this.#taken.delete(outgoing);
    outgoing.on('flushed');
  }

  /**
   * Says what happened to the link or the attempt: the table knows what becomes of the frames. What
   * it leaves where it is waits for the next link.
   */
  linkGone(word: StepEvent, sought: boolean): void {
    this.#taker = undefined;
    const frames = [...this.#taken, ...this.#queue];
    this.#taken.clear();
    this.#queue = [];
    for (const outgoing of frames) {
      outgoing.on(word, sought);
      if (!outgoing.over) this.#queue.push(outgoing);
    }
  }
}
