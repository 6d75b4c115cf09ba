// What has crossed the wire, as it may be shown.
import type { FrameInfo, Json } from '@smooai/smooth-operator';
import { ACTION_SECRETS, EVENT_SECRETS, withoutSecrets } from '@wire/secrets';
import { Cell } from './cell';

/** More frames than this are not kept; the oldest go first. */
const KEPT = 2_000;
const MASK = '••••••';
/** Members that every frame has, and that have columns of their own or say nothing new. */
const ENVELOPE = new Set(['action', 'type', 'requestId', 'timestamp', 'sessionId']);
const PREVIEW_CHARS = 240;

export type Direction = FrameInfo['direction'];

/** One frame. What is secret in it was struck out before it came here. */
export interface Frame {
  readonly kind: 'frame';
  /** Number of the row, from 1 on. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Milliseconds since the row before. */
  readonly since: number;
  readonly direction: Direction;
  readonly type: string;
  readonly requestId: string | undefined;
  readonly bytes: number;
  readonly value: Json;
  /** Its JSON on one line, which the search looks at. */
  readonly text: string;
  /** The beginning of what is its own. */
  readonly preview: string;
}

/** Something that happened to the link between two frames. */
export interface LinkMark {
  readonly kind: 'link';
  readonly id: number;
  readonly at: number;
  readonly since: number;
  /** What happened, in words. */
  readonly text: string;
  readonly isBad: boolean;
}

export type WireRow = Frame | LinkMark;

/** The rows of the wire, the oldest first. */
export class WireLog {
  readonly rows = new Cell<readonly WireRow[]>([]);
  /** A token that no row may show. */
  secret: string | undefined;
  #count = 0;
  #last: number | undefined;

  /** Takes a frame of the client's tap. */
  frame(info: FrameInfo): void {
    const value = shown(info, this.secret);
    const at = performance.timeOrigin + info.at;
    this.#add({
      kind: 'frame',
      ...this.#place(at),
      direction: info.direction,
      type: info.type ?? 'no type',
      requestId: info.requestId,
      bytes: info.bytes,
      value,
      text: JSON.stringify(value),
      preview: previewOf(value),
    });
  }

  /** Takes note of what happened to the link. */
  mark(text: string, isBad: boolean): void {
    const at = performance.timeOrigin + performance.now();
    this.#add({ kind: 'link', ...this.#place(at), text, isBad });
  }

  /** Forgets all rows. */
  clear(): void {
    this.rows.set([]);
    this.#last = undefined;
  }

  #place(at: number): { id: number; at: number; since: number } {
    const since = this.#last === undefined ? 0 : Math.max(0, at - this.#last);
    this.#last = at;
    this.#count += 1;
    return { id: this.#count, at, since };
  }

  #add(row: WireRow): void {
    this.rows.update((rows) => [...rows.slice(Math.max(0, rows.length - KEPT + 1)), row]);
  }
}

/** Returns the JSON of a frame with its secrets struck out. */
export function shown({ direction, type = '', text }: FrameInfo, secret?: string): Json {
  if (text === undefined) return null;
  const said = secret ? text.replaceAll(secret, MASK) : text;
  let value: Json;
  try {
    value = JSON.parse(said);
  } catch {
    return said;
  }
  const table = direction === 'in' ? EVENT_SECRETS : ACTION_SECRETS;
  const places = Object.hasOwn(table, type) ? table[type] : undefined;
  return places ? (withoutSecrets(value, places) as Json) : value;
}

/** Returns the beginning of what a frame says beside its envelope, on one line. */
export function previewOf(value: Json): string {
  let own: Json = value;
  // The payload of most events lies in `data`, of some in the `data` of that.
  while (isObject(own)) {
    const { data, ...rest } = withoutEnvelope(own);
    if (!isObject(data) || Object.keys(data).length === 0) {
      own = data === undefined ? rest : { ...rest, data };
      break;
    }
    own = data;
  }
  const line = JSON.stringify(isObject(own) ? idsLast(own) : own);
  const bare = isObject(own) ? line.slice(1, -1) : line;
  return bare.length > PREVIEW_CHARS ? `${bare.slice(0, PREVIEW_CHARS)}…` : bare;
}

/** Ids say little in a line that is cut. */
function idsLast(value: Readonly<Record<string, Json>>): Record<string, Json> {
  const isId = ([name]: [string, Json]): boolean => name === 'seq' || name.endsWith('Id');
  const entries = Object.entries(value);
  return Object.fromEntries([...entries.filter((one) => !isId(one)), ...entries.filter(isId)]);
}

function withoutEnvelope(value: Readonly<Record<string, Json>>): Record<string, Json> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !ENVELOPE.has(name)));
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
