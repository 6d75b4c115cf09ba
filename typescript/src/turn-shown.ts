import { Accumulator } from './accumulator';
import type { SmoothAgentError } from './errors';
import type { Sender } from './sender';
import { TurnItems } from './turn-items';
import type { TurnResult } from './turn-result';

/** What a turn shows to those who read it or wait for it, and whether anybody does. */
export abstract class TurnShown {
  readonly sender: Sender;
  readonly text = new Accumulator();
  readonly items = new TurnItems(this.text.streamed);
  result: TurnResult | undefined;
  error: SmoothAgentError | undefined;
  /** Whether anybody ever iterated or awaited the turn. */
  seen = false;
  detached = false;
  /** Iterators that are open and waits for the result. */
  readonly watchers = new Set<object>();
  /** Called once, when the turn has its outcome. */
  readonly endings: (() => void)[] = [];

  constructor(sender: Sender) {
    this.sender = sender;
  }

  /** Stops the turn; a message that still waits for the link is taken back (REQ-STOP-01). */
  abstract stop(): void;

  /** Whether the outcome is there. */
  get settled(): boolean {
    return this.result !== undefined || this.error !== undefined;
  }

  /** Stops the turn, if nobody else is interested in it (REQ-STOP-04, REQ-STOP-05). */
  leave(watcher: object): void {
    this.watchers.delete(watcher);
    if (!this.detached && !this.settled && this.watchers.size === 0) this.stop();
  }

  /** Tells everybody that the outcome is there. */
  protected finish(): void {
    this.items.end();
    for (const told of this.endings.splice(0)) told();
    if (this.error) this.#warnUnseen(this.error);
  }

  async #warnUnseen(error: SmoothAgentError): Promise<void> {
    // `await turn` looks at the turn a few microtasks after `send` has returned.
    for (let turns = 0; turns < 3; turns += 1) await undefined;
    if (!this.seen) this.sender.settings.logger.warn('a turn failed unseen: %s', error.kind);
  }
}
