// Frames that stream differ in a few values alone. What one full decode has shown is remembered;
// a frame that is equal to it but for these values is read by comparing text, without a parse.
import type { JsonObject } from './json';

// Node prints an object through this method; without it a view would look empty.
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A fact of an event that streams: its kind, and the places that hold it, the one that counts first. */
export type LearnedFact = readonly ['string' | 'integer', readonly (readonly string[])[]];

/** What is read from one frame: text or whole number by fact, undefined where there is none. */
export type LearnedValues = readonly (string | number | undefined)[];

/** Makes the event of a frame that is printed by `model` with some values. */
export type Make<T> = (model: Model, values: LearnedValues) => T;

/** The values of a learned view; no part of what an event shows. */
export const VALUES: unique symbol = Symbol('values');

/** An event whose frame is made when somebody asks for more than what was read by comparing. */
export abstract class LearnedView {
  // The text of the frame is not kept: it is the model's, with the values in their places.
  readonly #model: Model;
  #frame: JsonObject | undefined;

  constructor(model: Model) {
    this.#model = model;
  }

  abstract [VALUES](): LearnedValues;

  get raw(): JsonObject {
    this.#frame ??= JSON.parse(this.#model.print(this[VALUES]())) as JsonObject;
    return this.#frame;
  }

  toJSON(): JsonObject {
    return this.raw;
  }

  [INSPECT](): unknown {
    return this.raw;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const ZERO = 48;
/** Whole numbers up to here need no look at their size. */
const MAX_DIGITS = 15;
const PLAIN_INTEGER = /^(?:0|[1-9][0-9]{0,14})$/;
/** Half a character may be mended by a full decode. */
const HALF = /\\u[dD][89a-fA-F]/;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** One value of a pattern: the text before it, its fact, and how it is read. */
export interface Slot {
  readonly before: string;
  readonly fact: number;
  readonly kind: 'string' | 'integer';
  /** The fact stood before: its text is the same. */
  readonly again: boolean;
}

/** What stands before, between and after the values of a frame. */
export class Model {
  constructor(
    readonly slots: readonly Slot[],
    readonly end: string,
  ) {}

  /** Returns the frame with some values, equal by value to the one that they were read from. */
  print(values: LearnedValues): string {
    let text = '';
    for (const { before, fact, kind } of this.slots) {
      const value = JSON.stringify(values[fact]);
      text += before + (kind === 'integer' ? value : value.slice(1, -1));
    }
    return text + this.end;
  }
}

/** A frame that was decoded, without its values. */
export class Pattern<T> {
  /** As it was learned. */
  readonly #free: Model;
  /** The fact that many frames on end share, and the frame with its value filled in. */
  readonly #key: number;
  #bound: Model;
  readonly #make: Make<T>;
  readonly #values: (string | number | undefined)[] = [];
  /** The values as they stand in the text. */
  readonly #texts: string[] = [];

  constructor(free: Model, facts: number, key: number, make: Make<T>) {
    this.#free = free;
    this.#bound = free;
    this.#key = key;
    this.#make = make;
    for (let fact = 0; fact < facts; fact += 1) {
      this.#values.push(undefined);
      this.#texts.push('');
    }
  }

  /** Returns the event of a frame that is equal but for its values, undefined for any other. */
  read(text: string): T | undefined {
    if (!this.#fits(text, this.#bound)) {
      if (!this.#fits(text, this.#free)) return undefined;
      this.#bound = this.#bind();
    }
    return this.#make(this.#bound, this.#values);
  }

  #fits(text: string, { slots, end }: Model): boolean {
    let at = 0;
    for (let n = 0; n < slots.length; n += 1) {
      const { before, fact, kind, again } = slots[n] as Slot;
      // Quicker than `startsWith`, which compares letter by letter, and nothing is cut out.
      if (text.indexOf(before, at) !== at) return false;
      at += before.length;
      if (again) at = this.#again(text, at, fact);
      else at = kind === 'string' ? this.#string(text, at, fact) : this.#integer(text, at, fact);
      if (at < 0) return false;
    }
    return text.slice(at) === end;
  }

  /** Fills in the value that stays. */
  #bind(): Model {
    const slots: Slot[] = [];
    let before = '';
    for (const slot of this.#free.slots) {
      before += slot.before;
      if (slot.fact === this.#key) {
        before += this.#texts[slot.fact];
      } else {
        slots.push({ ...slot, before });
        before = '';
      }
    }
    return new Model(slots, before + this.#free.end);
  }

  /** Reads a value that was read before; returns where it ends, or -1. */
  #again(text: string, from: number, fact: number): number {
    const value = this.#texts[fact] as string;
    return text.indexOf(value, from) === from ? from + value.length : -1;
  }

  /** Reads a string; returns where it ends, or -1. */
  #string(text: string, from: number, fact: number): number {
    let to = from;
    let escaped = false;
    for (let code = text.charCodeAt(to); code !== QUOTE; code = text.charCodeAt(to)) {
      // The end of the text is no number, and a control character is no JSON.
      if (!(code >= SPACE)) return -1;
      if (code === BACKSLASH) {
        escaped = true;
        to += 1;
      }
      to += 1;
    }
    const found = text.slice(from, to);
    const value = escaped ? unescaped(found) : found;
    if (value === undefined) return -1;
    this.#texts[fact] = found;
    this.#values[fact] = value;
    return to;
  }

  /** Reads a whole number without a sign; returns where it ends, or -1. */
  #integer(text: string, from: number, fact: number): number {
    // Times of one moment are equal.
    const last = this.#texts[fact] as string;
    let to = from + last.length;
    if (last !== '' && digitAt(text, to) < 0 && text.indexOf(last, from) === from) return to;
    to = from;
    let value = 0;
    for (let digit = digitAt(text, to); digit >= 0; digit = digitAt(text, to)) {
      value = value * 10 + digit;
      to += 1;
    }
    const digits = to - from;
    if (digits === 0 || digits > MAX_DIGITS) return -1;
    if (digits > 1 && text.charCodeAt(from) === ZERO) return -1;
    this.#texts[fact] = text.slice(from, to);
    this.#values[fact] = value;
    return to;
  }
}

/** Returns the digit at a place; -1 where there is none. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

/** Returns the value of a JSON string without its quotes; undefined when a full decode is needed. */
function unescaped(text: string): string | undefined {
  if (HALF.test(text)) return undefined;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

/**
 * Returns the pattern of a frame that was decoded as it stands; undefined when it has a key twice
 * or a value that is not written plainly. `key` is the fact that stays for a while.
 */
export function patternOf<T>(
  text: string,
  facts: readonly LearnedFact[],
  key: number,
  make: Make<T>,
): Pattern<T> | undefined {
  const spans = new Map<string, Span>();
  if (new Walk(text, spans, parentsOf(facts)).value(0, '') < 0) return undefined;
  const found: (Span & { readonly fact: number })[] = [];
  for (const [fact, [, places]] of facts.entries()) {
    for (const place of places) {
      const span = spans.get(keyOf(place));
      if (span) found.push({ ...span, fact });
    }
  }
  found.sort((left, right) => left.from - right.from);
  const slots: Slot[] = [];
  let at = 0;
  for (const { from, to, fact } of found) {
    const kind = facts[fact]?.[0] as 'string' | 'integer';
    const quote = text.charCodeAt(from) === QUOTE ? 1 : 0;
    const value = text.slice(from + quote, to - quote);
    if (quote === 1 ? kind !== 'string' : !PLAIN_INTEGER.test(value)) return undefined;
    const again = slots.some((slot) => slot.fact === fact);
    slots.push({ before: text.slice(at, from + quote), fact, kind, again });
    at = to - quote;
  }
  return new Pattern(new Model(slots, text.slice(at)), facts.length, key, make);
}

const keyOf = (place: readonly string[]): string => place.map((name) => step(name)).join('');

/** A name as a part of a JSON Pointer: no two places share one. */
const step = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The objects that hold the facts; only they are walked through. */
function parentsOf(facts: readonly LearnedFact[]): ReadonlySet<string> {
  const places = facts.flatMap(([, found]) => found);
  return new Set(places.flatMap((place) => place.map((_, n) => keyOf(place.slice(0, n)))));
}

/** Notes where the values of some objects lie, in a text that is known to be JSON. */
class Walk {
  constructor(
    readonly text: string,
    readonly spans: Map<string, Span>,
    readonly parents: ReadonlySet<string>,
  ) {}

  /** Passes one value; returns where it ends, or -1 when one of the objects has a key twice. */
  value(start: number, key: string): number {
    const from = this.#space(start);
    const first = this.text[from];
    let to: number;
    if (first === '{' && this.parents.has(key)) to = this.#members(from, key);
    else if (first === '{' || first === '[') to = this.#nested(from);
    else if (first === '"') to = this.#string(from);
    else to = this.#until(from, /[\s,\]}]|$/g);
    if (to >= 0) this.spans.set(key, { from, to });
    return to;
  }

  #members(from: number, key: string): number {
    let at = this.#space(from + 1);
    while (this.text[at] === '"') {
      const end = this.#string(at);
      const name = key + step(JSON.parse(this.text.slice(at, end)) as string);
      if (this.spans.has(name)) return -1;
      const to = this.value(this.#space(end) + 1, name);
      if (to < 0) return -1;
      at = this.#space(to);
      if (this.text[at] === ',') at = this.#space(at + 1);
    }
    return at + 1;
  }

  #nested(from: number): number {
    let depth = 0;
    let at = from;
    do {
      const mark = this.text[at];
      if (mark === '"') at = this.#string(at) - 1;
      else if (mark === '{' || mark === '[') depth += 1;
      else if (mark === '}' || mark === ']') depth -= 1;
      at += 1;
    } while (depth > 0);
    return at;
  }

  #string(from: number): number {
    let at = from + 1;
    while (this.text[at] !== '"') at += this.text[at] === '\\' ? 2 : 1;
    return at + 1;
  }

  #space(from: number): number {
    return this.#until(from, /\S|$/g);
  }

  #until(from: number, mark: RegExp): number {
    mark.lastIndex = from;
    return mark.exec(this.text)?.index ?? this.text.length;
  }
}
