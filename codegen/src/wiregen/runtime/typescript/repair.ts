import type { Problem } from './json';
import type { Bounds, Check, Shapes } from './shapes';
// only with unions {
import { UNIONS } from './shapes';
// }

/** The same fact at two places: nested, top, fill the nested one, one of them is needed. */
export type MirrorRow = readonly [readonly string[], readonly string[], 0 | 1, 0 | 1];

type Tree = { [key: string]: unknown };

// Members are looked at before they are trusted.
type Loose = { readonly [key: string]: any };

export const isObject = (v: unknown): v is Loose =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

function kindOf(v: unknown): string {
  if (v === null) return 'null';
  if (Array.isArray(v)) return 'array';
  if (typeof v !== 'number') return typeof v;
  return Number.isInteger(v) ? 'integer' : Number.isFinite(v) ? 'number' : 'huge';
}

function isOneOf(v: unknown, kinds: readonly string[]): boolean {
  const kind = kindOf(v);
  return kinds.includes(kind) || (kind === 'integer' && kinds.includes('number'));
}

const LONE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|[\s\S])/g;
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** Says whether a JSON text has an escape that may be half a character. */
export function hasSurrogateEscape(text: string): boolean {
  return SURROGATE_ESCAPE.test(text);
}

/** Replaces every escape of a lone surrogate by that of U+FFFD; respects pairs of backslashes. */
export function mendSurrogates(text: string): string {
  return text.replace(LONE, (escape) => (escape.length === 6 ? '\\ufffd' : escape));
}

/** Repairs a parsed frame in place: drops null at optional members and fills nested mirrors. */
export function repair(
  tree: unknown,
  struct: string,
  shapes: Shapes,
  mirrors: readonly MirrorRow[] = [],
): void {
  mend(tree, ['struct', struct], shapes);
  for (const [nested, top, fill] of mirrors) {
    const parent = fill ? valueAt(tree, nested.slice(0, -1)) : undefined;
    const name = nested.at(-1) ?? '';
    if (isObject(parent) && !Object.hasOwn(parent, name) && hasAt(tree, top)) {
      const value = structuredCopy(valueAt(tree, top));
      // A member of any name, `__proto__` too.
      Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
    }
  }
}

function structuredCopy(value: unknown): unknown {
  return isObject(value) ? JSON.parse(JSON.stringify(value)) : value;
}

function mend(value: unknown, check: Check, shapes: Shapes): void {
  if (typeof check === 'string') return;
  if (check[0] === 'struct' && isObject(value)) {
    for (const [wire, required, nullable, inner] of shapes[check[1]] ?? []) {
      if (!Object.hasOwn(value, wire)) continue;
      if (value[wire] !== null) mend(value[wire], inner, shapes);
      else if (!required && !nullable) delete (value as Tree)[wire];
    }
  } else if (check[0] === 'array' && Array.isArray(value)) {
    for (const item of value) mend(item, check[1], shapes);
  } else if (check[0] === 'map' && isObject(value)) {
    for (const item of Object.values(value)) mend(item, check[1], shapes);
    // only with unions {
  } else if (check[0] === 'union') {
    const chosen = branchOf(check[1], value);
    if (chosen) mend(value, chosen[1], shapes);
    // }
  }
}
// only with unions {

/** Returns the mark and the check of the branch that a value belongs to. */
export function branchOf(union: string, value: unknown): readonly [string, Check] | undefined {
  const [kind, tag, tagKind, rows] = UNIONS[union] ?? ['typed', '', 'string', []];
  if (kind === 'typed') return rows.find(([mark]) => isOneOf(value, [mark]));
  if (!isObject(value)) return undefined;
  if (kind === 'keyed') return rows.find(([mark]) => Object.hasOwn(value, mark));
  if (!Object.hasOwn(value, tag) || !isOneOf(value[tag], [tagKind])) return undefined;
  return rows.find(([mark]) => String(value[tag]) === mark);
}

function unionFault(value: unknown, union: string, view: View): Problem | undefined {
  const chosen = branchOf(union, value);
  if (chosen) return faultAt(value, chosen[1], view);
  const [kind, tag, tagKind] = UNIONS[union] ?? ['typed', '', 'string'];
  if (kind === 'typed' || !isObject(value)) return WRONG;
  if (kind === 'keyed' || (Object.hasOwn(value, tag) && isOneOf(value[tag], [tagKind]))) return undefined;
  return below(tag, { kind: Object.hasOwn(value, tag) ? 'type' : 'missing', pointer: '' });
}
// }

/** Returns the first fault of a tree in table order; `closed` refuses members of no table. */
export function faultOf(
  tree: unknown,
  struct: string,
  shapes: Shapes,
  closed: boolean,
): Problem | undefined {
  return structFault(tree, struct, { shapes, closed });
}

/** Returns the fault of a frame that holds a needed fact at neither of its two places. */
export function missingMirror(tree: unknown, mirrors: readonly MirrorRow[]): Problem | undefined {
  for (const [nested, top, , needed] of mirrors) {
    if (needed && !hasAt(tree, nested) && !hasAt(tree, top)) {
      return { kind: 'missing', pointer: pointerOf(top) };
    }
  }
  return undefined;
}

interface View {
  readonly shapes: Shapes;
  readonly closed: boolean;
}

/** The value itself is of the wrong kind. */
const WRONG: Problem = { kind: 'type', pointer: '' };

/** Puts the key of a member before the place of a fault: nothing is made while all is well. */
const below = (key: string, { kind, pointer }: Problem): Problem => ({
  kind,
  pointer: pointerOf([key]) + pointer,
});

/** Integers have 64 bits in all languages; here the first one past them. */
const EDGE = 2 ** 63;

function fits(value: unknown, kind: string): boolean {
  if (kind === 'integer') return Number.isInteger(value) && Number(value) >= -EDGE && Number(value) < EDGE;
  if (kind === 'number') return Number.isFinite(value); // no double holds 1e400
  return kind === 'any' ? value !== null : typeof value === kind;
}

function faultAt(value: unknown, check: Check, view: View): Problem | undefined {
  if (typeof check === 'string') return fits(value, check) ? undefined : WRONG;
  switch (check[0]) {
    case 'struct':
      return structFault(value, check[1], view);
    // only with unions {
    case 'union':
      return unionFault(value, check[1], view);
    // }
    case 'const':
      return value === check[1] ? undefined : WRONG;
    case 'kinds':
      return isOneOf(value, check[1]) ? undefined : WRONG;
    default:
      return itemFault(value, check, view);
  }
}

function itemFault(
  value: unknown,
  [kind, inner, nullable]: readonly ['array' | 'map', Check, 0 | 1],
  view: View,
): Problem | undefined {
  if (kind === 'array' ? !Array.isArray(value) : !isObject(value)) return WRONG;
  if (inner === 'any' && nullable) return undefined;
  for (const [key, item] of Object.entries(value as Tree)) {
    if (nullable && item === null) continue;
    const fault = faultAt(item, inner, view);
    if (fault) return below(key, fault);
  }
  return undefined;
}

function structFault(value: unknown, struct: string, view: View): Problem | undefined {
  if (!isObject(value)) return WRONG;
  const rows = view.shapes[struct] ?? [];
  for (const [wire, required, nullable, check, bounds] of rows) {
    const item = Object.hasOwn(value, wire) ? value[wire] : undefined;
    if (item === undefined) {
      if (required) return below(wire, { kind: 'missing', pointer: '' });
    } else if (item !== null || !nullable) {
      const fault = faultAt(item, check, view) ?? (bounds && !isWithin(item, bounds) ? WRONG : undefined);
      if (fault) return below(wire, fault);
    }
  }
  if (!view.closed) return undefined;
  const extra = Object.keys(value).find((key) => !rows.some(([wire]) => wire === key));
  return extra === undefined ? undefined : below(extra, WRONG);
}

/** Whether a value keeps to its bounds; a text is as long as it has code points. */
function isWithin(value: unknown, [least, most, pattern]: Bounds): boolean {
  const size = typeof value === 'string' ? [...value].length : Array.isArray(value) ? value.length : Number(value);
  if (size < (least ?? size) || size > (most ?? size)) return false;
  return pattern === undefined || new RegExp(pattern, 'u').test(String(value));
}

function pointerOf(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), tree);
}

function hasAt(tree: unknown, path: readonly string[]): boolean {
  return valueAt(tree, path) !== undefined;
}
