import { type Frame, turnResumed } from './frames';
import type { Link } from './wires';

/** The newest events that are kept of a turn. */
const MAX_KEPT = 20_000;
/** How long they are kept after its end, in milliseconds (REQ-SRV-34). */
const KEPT_MS = 120_000;

/** The events of one turn: numbered and kept on replay sessions, and given to the link that has it. */
export class Channel {
  lastSeq = 0;
  isSettled = false;
  #settledMs = 0;
  readonly #kept: { readonly seq: number; readonly text: string }[] = [];

  constructor(
    public link: Link | undefined,
    readonly numbered: boolean,
  ) {}

  /** Sends an event of the turn; one that nobody listens to is kept. */
  emit(frame: Frame): void {
    if (!this.numbered) {
      this.link?.send(frame);
      return;
    }
    this.lastSeq += 1;
    const { type, requestId, ...rest } = frame;
    const text = JSON.stringify({ type, requestId, seq: this.lastSeq, ...rest });
    this.#kept.push({ seq: this.lastSeq, text });
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    this.link?.text(text);
  }

  settle(nowMs: number): void {
    this.isSettled = true;
    this.#settledMs = nowMs;
  }

  /** Gives the turn to a link, from after an event on (REQ-SRV-26, REQ-SRV-27, REQ-SRV-30). */
  give(link: Link, requestId: string, nowMs: number, after: number): void {
    const say = (to: Link, state: string): void =>
      to.send(turnResumed(requestId, nowMs, state, this.lastSeq));
    const { link: holder } = this;
    if (holder?.isOpen && holder.number > link.number) {
      say(link, 'moved');
      return;
    }
    const oldest = this.#kept[0]?.seq ?? this.lastSeq + 1;
    const isOver = this.isSettled && nowMs - this.#settledMs > KEPT_MS;
    if (isOver || after > this.lastSeq || after + 1 < oldest) {
      say(link, 'gone');
      return;
    }
    if (holder?.isOpen && holder !== link) say(holder, 'moved');
    this.link = link;
    say(link, this.isSettled ? 'settled' : 'running');
    for (const { seq, text } of this.#kept) if (seq > after) link.text(text);
  }
}
