
/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}

// What the integers begin with that a double rounds over the edge of 64 bits.
const AT_THE_EDGE = '922337203685477';
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/**
 * Parses a JSON text. An integer of 64 bits is one here, too, and one beyond them is not: the
 * nearest double may lie on the other side.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(text.includes(AT_THE_EDGE) ? text.replace(TOKEN, onItsSide) : text);
}

function onItsSide(token: string): string {
  if (!/^-?\d{19}$/.test(token)) return token;
  const held = BigInt.asIntN(64, BigInt(token)) === BigInt(token);
  if (held && Number(token) === 2 ** 63) return '9223372036854774784';
  return !held && Number(token) === -(2 ** 63) ? '-9223372036854777856' : token;
}

/** Where a known frame is broken: a member is missing, or a value has another JSON type. */
export interface Problem {
  readonly kind: 'missing' | 'type';
  /** JSON Pointer (RFC 6901) of the missing member or of the value. */
  readonly pointer: string;
}

/** A text that is no frame: not JSON, no object, or without a string at the discriminator. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

/** A frame of a known type whose body breaks its schema, after the one repair pass. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly #raw: JsonObject;

  constructor(
    /** Wire type of the frame. */
    readonly type: string,
    readonly problem: Problem,
    raw: JsonObject,
  ) {
    super(`${type}: ${problem.kind} at ${problem.pointer || 'the frame'}`);
    this.#raw = raw;
  }

  /** The frame as received. It does not show where the error is printed. */
  get raw(): JsonObject {
    return this.#raw;
  }
}
