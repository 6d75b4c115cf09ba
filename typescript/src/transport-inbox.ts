import type { LinkEnd, Receiver } from './opener';

/** Holds what a socket reads until somebody takes it, and its end once. */
export class Inbox {
  #receiver: Receiver | undefined;
  #held: ((receiver: Receiver) => void)[] = [];
  #shut = false;

  attach(receiver: Receiver): void {
    this.#receiver = receiver;
    const held = this.#held;
    this.#held = [];
    for (const give of held) this.give(give);
  }

  /** Hands on one text message. */
  text(text: string, bytes?: number): void {
    if (this.#shut) return;
    if (this.#receiver) this.#receiver.text(text, bytes);
    else this.#held.push((receiver) => receiver.text(text, bytes));
  }

  give(give: (receiver: Receiver) => void): void {
    if (this.#shut) return;
    if (this.#receiver) give(this.#receiver);
    else this.#held.push(give);
  }

  end(end: LinkEnd): void {
    this.give((receiver) => {
      this.#shut = true;
      receiver.ended(end);
    });
  }

  shut(): void {
    this.#shut = true;
    this.#held = [];
  }
}
