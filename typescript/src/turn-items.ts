import { type TextBuffer, whole } from './accumulator';
import type { JsonObject, ServerEvent, StreamTokenEvent } from './wire/index';
import { LIMITS } from './wire/options';

/** What is kept one by one, for `Turn.items` and for every iterator (REQ-TURN-21). */
const { iteratorItems: MAX_ITEMS, iteratorBytes: MAX_BYTES } = LIMITS;

/**
 * One item of a turn. Beyond the bound adjacent tokens become one item: `token` is their text,
 * `merged` says how many they were, everything else is that of the last one (REQ-TURN-02).
 */
export type TurnItem = ServerEvent & { readonly merged?: number };

// Node prints an object through this method; without it a view would look empty.
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

type Token = StreamTokenEvent & TurnItem;

function isToken(item: TurnItem | undefined): item is Token {
  return item?.type === 'stream_token';
}

/** Tokens that came one after the other, as one. */
class MergedTokens implements StreamTokenEvent {
  readonly merged: number;
  readonly #last: StreamTokenEvent;
  readonly #text: () => string;
  #token: string | undefined;

  constructor(last: StreamTokenEvent, text: () => string, merged: number) {
    this.#last = last;
    this.#text = text;
    this.merged = merged;
  }

  get type(): 'stream_token' {
    return 'stream_token';
  }

  get requestId(): string {
    return this.#last.requestId;
  }

  get token(): string {
    this.#token ??= this.#text();
    return this.#token;
  }

  get timestamp(): number | undefined {
    return this.#last.timestamp;
  }

  get data(): StreamTokenEvent['data'] {
    return { ...this.#last.data, token: this.token };
  }

  get raw(): JsonObject {
    return this.#last.raw;
  }

  toJSON(): JsonObject {
    const { token, data } = this;
    return { ...this.raw, ...('token' in this.raw ? { token } : {}), data: { ...data } };
  }

  [INSPECT](): unknown {
    return this.toJSON();
  }
}

/** The tokens at the end of a backlog that grow as one: their place in the text of the turn. */
interface Growing {
  readonly from: number;
  to: number;
  count: number;
  last: StreamTokenEvent;
}

/** Items that wait, bounded; a token beyond the bound joins the one before it. */
export class Backlog {
  readonly #text: TextBuffer;
  #items: (TurnItem | undefined)[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;
  #growing: Growing | undefined;
  #over = false;

  /** `text` holds what the turn has streamed, the newest token included. */
  constructor(text: TextBuffer) {
    this.#text = text;
  }

  /** Whether items were lost, because nothing could be merged any more. */
  get over(): boolean {
    return this.#over;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Returns what waits, the oldest first. */
  items(): TurnItem[] {
    this.#show();
    return this.#items.slice(this.#head) as TurnItem[];
  }

  /** Adds what another backlog holds. */
  copy(other: Backlog): void {
    for (const item of other.items()) this.#items.push(item);
    this.#sizes = other.#sizes.slice(other.#head);
    this.#bytes = other.#bytes;
    this.#over = other.#over;
  }

  /** Adds an item whose frame has `bytes` bytes; once an item was lost, all later ones are. */
  add(item: TurnItem, bytes: number): void {
    if (this.#over) return;
    if (!this.#fits(bytes)) {
      if (isToken(item) && this.#merge(item, bytes)) return;
      let shrunk = true;
      while (shrunk && !this.#fits(bytes)) shrunk = this.#shrink();
      this.#over = !shrunk;
    }
    if (!this.#over) this.#push(item, bytes);
  }

  /** Takes the oldest item. */
  take(): TurnItem | undefined {
    if (this.#head === this.#items.length) return undefined;
    if (this.#head === this.#items.length - 1) this.#settle();
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#bytes -= this.#sizes[this.#head] ?? 0;
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#sizes = [];
      this.#head = 0;
    }
    return item;
  }

  #fits(bytes: number): boolean {
    const { length } = this;
    return length === 0 || (length < MAX_ITEMS && this.#bytes + bytes <= MAX_BYTES);
  }

  #push(item: TurnItem, bytes: number): void {
    this.#settle();
    this.#items.push(item);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Lets a token join the one at the end. */
  #merge(item: Token, bytes: number): boolean {
    const at = this.#items.length - 1;
    const before = this.#items[at];
    if (!isToken(before)) return false;
    const to = this.#text.length;
    if (!this.#growing) {
      const from = to - item.token.length - before.token.length;
      this.#growing = { from, to, count: before.merged ?? 1, last: before };
    }
    this.#growing.to = to;
    this.#growing.count += 1;
    this.#growing.last = item;
    this.#bytes += bytes - (this.#sizes[at] ?? 0);
    this.#sizes[at] = bytes;
    return true;
  }

  /** Makes an item of the tokens that grow at the end, as far as they are. */
  #show(): void {
    if (!this.#growing) return;
    const { from, to, count, last } = this.#growing;
    const text = (): string => whole(this.#text.text.slice(from, to));
    this.#items[this.#items.length - 1] = new MergedTokens(last, text, count);
  }

  /** Lets the tokens at the end grow no more. */
  #settle(): void {
    this.#show();
    this.#growing = undefined;
  }

  /** Makes room: the last two tokens that stand side by side become one, if there are any. */
  #shrink(): boolean {
    this.#settle();
    const items = this.#items;
    let at = items.length - 1;
    while (at > this.#head && !(isToken(items[at]) && isToken(items[at - 1]))) at -= 1;
    const [left, right] = [items[at - 1], items[at]];
    if (at <= this.#head || !isToken(left) || !isToken(right)) return false;
    const count = (left.merged ?? 1) + (right.merged ?? 1);
    items.splice(at - 1, 2, new MergedTokens(right, () => left.token + right.token, count));
    const [freed = 0] = this.#sizes.splice(at - 1, 1);
    this.#bytes -= freed;
    return true;
  }
}

/** Who reads the items of a turn as they come. */
export interface Follower {
  /** Takes the next item; must not block and must not raise. */
  item(item: TurnItem, bytes: number): void;
  /** Takes note that no item comes any more. */
  ended(): void;
}

/** What a turn has shown: kept from the first item on, bounded, handed to whoever follows. */
export class TurnItems {
  readonly #kept: Backlog;
  readonly #followers = new Set<Follower>();

  /** `text` holds what was streamed; a token is added to it before it is an item. */
  constructor(text: TextBuffer) {
    this.#kept = new Backlog(text);
  }

  /** What is kept, in wire order. */
  get all(): readonly TurnItem[] {
    return this.#kept.items();
  }

  /** Hands everything from now on to a follower; what came before is put into its backlog. */
  follow(follower: Follower, backlog: Backlog): void {
    backlog.copy(this.#kept);
    this.#followers.add(follower);
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
  }

  add(item: TurnItem, bytes: number): void {
    this.#kept.add(item, bytes);
    for (const follower of this.#followers) follower.item(item, bytes);
  }

  /** Says that the turn has settled. */
  end(): void {
    for (const follower of [...this.#followers]) follower.ended();
  }
}
