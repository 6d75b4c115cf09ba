import type { Logger } from './options';
import { printedAs } from './wire/secrets';

/** What the frame tap sees of one frame (REQ-LOG-02). */
export interface FrameInfo {
  readonly direction: 'in' | 'out';
  /** Action or type of the frame; missing when it has none. */
  readonly type?: string;
  readonly requestId?: string;
  /** Size of the message in bytes. */
  readonly bytes: number;
  /** Time of the client's clock, in milliseconds. */
  readonly at: number;
  /** The frame as text; only for taps that asked for it. */
  readonly text?: string;
}

type Call = (payload: never) => unknown;

interface Entry {
  readonly listener: Call;
  readonly wantsText: boolean;
}

interface Delivery {
  readonly topic: string;
  readonly payload: unknown;
}

/**
 * Who listens to what, and the queue between the link and them: in order, one at a time, never
 * inside the frame of the caller (REQ-CONN-07, REQ-CONN-08).
 */
export class Listeners {
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry[]>();
  #queue: Delivery[] = [];
  #delivering: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Calls `listener` with everything of `topic`; returns a function that stops it. */
  add(topic: string, listener: Call, wantsText: boolean): () => void {
    if (typeof listener !== 'function') throw new TypeError('listener: expected a function');
    const entry = { listener, wantsText };
    this.#entries.set(topic, [...(this.#entries.get(topic) ?? []), entry]);
    return () => this.#drop(topic, (one) => one === entry);
  }

  /** Calls `listener` no more. */
  remove(topic: string, listener: Call): void {
    this.#drop(topic, (one) => one.listener === listener);
  }

  /** Says whether anybody listens to `topic`. */
  has(topic: string): boolean {
    return this.#entries.has(topic);
  }

  /** Queues `payload` for the listeners of `topic`. */
  emit(topic: string, payload: unknown): void {
    if (!this.has(topic)) return;
    this.#queue.push({ topic, payload });
    this.#delivering ??= Promise.resolve().then(() => this.#deliver());
  }

  /** Waits until everything queued so far was delivered. */
  async drain(): Promise<void> {
    while (this.#delivering) await this.#delivering;
  }

  #deliver(): void {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      for (const { topic, payload } of batch) {
        for (const entry of this.#entries.get(topic) ?? []) this.#call(topic, entry, payload);
      }
    }
    this.#delivering = undefined;
  }

  #call(topic: string, entry: Entry, payload: unknown): void {
    const failed = (error: unknown): void => {
      this.#logger.error('a %s listener raised: %s', topic, nameOf(error));
      if (topic === 'frame') this.#drop(topic, (one) => one === entry);
    };
    try {
      const shown = topic === 'frame' ? frameFor(entry, payload as FrameInfo) : payload;
      const made = entry.listener(shown as never);
      // An async listener's failure would otherwise be an unhandled rejection.
      if (made instanceof Promise) made.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #drop(topic: string, isOut: (entry: Entry) => boolean): void {
    const kept = (this.#entries.get(topic) ?? []).filter((entry) => !isOut(entry));
    if (kept.length > 0) this.#entries.set(topic, kept);
    else this.#entries.delete(topic);
  }
}

/** What a tap sees: the text only if it asked for it, and never where the object is printed. */
function frameFor({ wantsText }: Entry, info: FrameInfo): FrameInfo {
  const { text, ...rest } = info;
  return wantsText && text !== undefined ? printedAs({ ...rest, text }, () => rest) : rest;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
