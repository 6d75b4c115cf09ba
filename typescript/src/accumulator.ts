import type {
  Json,
  JsonObject,
  ServerEvent,
  StreamTokenEvent,
  ToolCall as WireToolCall,
} from './wire/index';

/** Units of the first chunk of a text, and of the largest. */
const FIRST_CHUNK = 256;
const LARGEST_CHUNK = 16_384;
/** Units that are made a string at a time: every one of them is an argument of a call. */
const WINDOW = 8_192;

type Units = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** The largest unit of which one byte is enough. */
const NARROW = 0xff;

/**
 * Text that grows by pieces. Until somebody reads it, it lies outside the heap: pieces that stay
 * would be copied by every collection, and may hold on to the whole frame that they were cut from.
 * Units take one byte until the first that needs two.
 */
export class TextBuffer {
  #text = '';
  #full: Units[] = [];
  #chunk: Units = new Uint8Array(FIRST_CHUNK);
  #used = 0;
  #length = 0;

  /** Units of the text. */
  get length(): number {
    return this.#length;
  }

  get text(): string {
    for (const chunk of this.#full) this.#text += stringOf(chunk);
    this.#text += stringOf(this.#chunk.subarray(0, this.#used));
    this.#full = [];
    this.#used = 0;
    return this.#text;
  }

  add(piece: string): void {
    const { length } = piece;
    const isNarrow = this.#chunk instanceof Uint8Array;
    if (this.#used + length > this.#chunk.length) this.#next(length, isNarrow);
    if (this.#write(piece) > NARROW && isNarrow) {
      this.#next(length, false);
      this.#write(piece);
    }
    this.#used += length;
    this.#length += length;
  }

  /** Writes a piece behind what is used; returns all bits that its units have. */
  #write(piece: string): number {
    const chunk = this.#chunk;
    const from = this.#used;
    let bits = 0;
    for (let n = 0; n < piece.length; n += 1) {
      const unit = piece.charCodeAt(n);
      bits |= unit;
      chunk[from + n] = unit;
    }
    return bits;
  }

  #next(length: number, isNarrow: boolean): void {
    this.#full.push(this.#chunk.subarray(0, this.#used));
    const size = Math.max(Math.min(2 * this.#chunk.length, LARGEST_CHUNK), length);
    this.#chunk = isNarrow ? new Uint8Array(size) : new Uint16Array(size);
    this.#used = 0;
  }
}

function stringOf(units: Units): string {
  let text = '';
  for (let at = 0; at < units.length; at += WINDOW) {
    // Not spread: that would make an object of every unit.
    const window = units.subarray(at, at + WINDOW) as unknown as number[];
    text += String.fromCharCode.apply(undefined, window);
  }
  return text;
}

const HALVES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const REPLACEMENT = 0xfffd;

/** Returns a token as its frame has it: its event shows a half of a pair at an end as U+FFFD. */
export function tokenOf(event: StreamTokenEvent): string {
  const { token } = event;
  const isWhole =
    token.charCodeAt(0) !== REPLACEMENT && token.charCodeAt(token.length - 1) !== REPLACEMENT;
  if (isWhole) return token;
  const { data, token: copy } = event.raw as { data?: { token?: unknown }; token?: unknown };
  const raw = data?.token ?? copy;
  return typeof raw === 'string' && raw.length === token.length ? raw : token;
}

/** Returns a text in which every half that stayed alone is U+FFFD (REQ-TURN-23). */
export function whole(text: string): string {
  return text.replace(HALVES, '\ufffd');
}

/** Text of one turn. */
export class Accumulator {
  /** What was streamed so far. */
  readonly streamed = new TextBuffer();

  #hasHalves = false;
  /** Where the text of the message begins that was sent last. */
  #from = 0;

  get text(): string {
    const { text } = this.streamed;
    const own = this.#from === 0 ? text : text.slice(this.#from);
    return this.#hasHalves ? whole(own) : own;
  }

  /** Begins the text of a message that is sent again (REQ-ASK-11). */
  restart(): void {
    this.#from = this.streamed.length;
    this.#hasHalves = false;
  }

  add(event: StreamTokenEvent): void {
    const token = tokenOf(event);
    if (token !== event.token) this.#hasHalves = true;
    this.streamed.add(token);
  }

  /** Returns the authoritative text of an answer (REQ-TURN-09). */
  finalText(response: Json): string {
    if (typeof response === 'string') return response;
    const parts = isObject(response) ? response.responseParts : undefined;
    if (!Array.isArray(parts) || parts.length === 0) return this.text;
    return parts.filter((part) => typeof part === 'string').join('\n\n');
  }
}

/** A tool that the agent calls (REQ-TURN-19). */
export interface ToolCall {
  readonly name: string;
  /** Empty when they were neither an object nor a string that holds one. */
  readonly arguments: JsonObject;
  readonly callId?: string;
}

/** What a tool returned. */
export interface ToolResult {
  readonly name: string;
  readonly isError?: boolean;
  readonly result?: Json;
  readonly callId?: string;
}

/** Returns the tool call that an event carries, undefined for any other event (REQ-TURN-19). */
export function toolCallOf(event: ServerEvent): ToolCall | undefined {
  const found = rawResponse(event, 'toolCall');
  if (!found) return undefined;
  return {
    name: found.name,
    arguments: argumentsOf(found.arguments),
    ...(typeof found.callId === 'string' ? { callId: found.callId } : {}),
  };
}

/** Returns the tool result that an event carries, undefined for any other event (REQ-TURN-19). */
export function toolResultOf(event: ServerEvent): ToolResult | undefined {
  const found = rawResponse(event, 'toolResult');
  if (!found) return undefined;
  const { name, isError, result, callId } = found;
  return {
    name,
    ...(typeof isError === 'boolean' ? { isError } : {}),
    ...(result === undefined || result === null ? {} : { result }),
    ...(typeof callId === 'string' ? { callId } : {}),
  };
}

type Named = JsonObject & Pick<WireToolCall, 'name'>;

function rawResponse(event: ServerEvent, member: string): Named | undefined {
  if (event.type !== 'stream_chunk') return undefined;
  const raw = event.state.rawResponse;
  const found = isObject(raw) ? raw[member] : undefined;
  return isObject(found) && typeof found.name === 'string' ? (found as Named) : undefined;
}

function argumentsOf(value: Json | undefined): JsonObject {
  if (typeof value !== 'string') return isObject(value) ? value : {};
  try {
    const parsed: Json = JSON.parse(value);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
