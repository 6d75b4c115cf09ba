// A session of a real server in a file: JSON lines, every frame of both ways.
import { isObject } from '../wire/repair';
import { ACTION_SECRETS, EVENT_SECRETS, type Places } from '../wire/secrets';
import type { Frame } from './frames';

/** Version of the file. */
const VERSION = 1;
const SPEC = '1.2';
const HIDDEN = '***';

/** A file is no cassette; the text names file and line. */
export class CassetteError extends Error {
  override readonly name = 'CassetteError';
}

/** One line of a cassette, as the client saw it. */
export type Line =
  | {
      readonly at: number;
      readonly link: number;
      readonly way: 'out' | 'in';
      readonly frame: Frame;
    }
  | { readonly at: number; readonly link: number; readonly way: 'end'; readonly code: number };

/** Returns the lines of a cassette. @throws {CassetteError} it is none. */
export function readCassette(text: string, file: string): readonly Line[] {
  const [head = '', ...rest] = text.split('\n').filter((line) => line.trim() !== '');
  if (!head) throw new CassetteError(`${file} is empty`);
  const first = parsed(head);
  if (!isObject(first) || !Object.hasOwn(first, 'cassette')) {
    throw new CassetteError(`${file}: line 1 is no head of a cassette`);
  }
  if (first.cassette !== VERSION) {
    const what = `is of cassette version ${first.cassette}; this kit reads ${VERSION}`;
    throw new CassetteError(`${file} ${what}`);
  }
  return rest.map((line, index) => {
    const found = parsed(line);
    if (isLine(found)) return found;
    throw new CassetteError(`${file}: line ${index + 2} is no frame of a cassette`);
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isLine(value: unknown): value is Line {
  if (!isObject(value) || !Number.isFinite(value.at) || !Number.isInteger(value.link)) return false;
  if (value.way === 'end') return Number.isInteger(value.code);
  return (value.way === 'out' || value.way === 'in') && isObject(value.frame);
}

/** Returns the text of a cassette. */
export function cassetteText(lines: readonly Line[]): string {
  return [{ cassette: VERSION, spec: SPEC }, ...lines]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

/** A frame with `***` in the place of every secret. */
export function withoutSecrets(frame: Frame): Frame {
  const word = String(frame.action ?? frame.type);
  const places = Object.hasOwn(frame, 'action') ? ACTION_SECRETS[word] : EVENT_SECRETS[word];
  return hidden(frame, places ?? []) as Frame;
}

function hidden(value: unknown, places: Places): unknown {
  let shown = value;
  for (const [name, ...below] of places) {
    if (name === undefined) return HIDDEN;
    if (!isObject(shown) || !Object.hasOwn(shown, name)) continue;
    shown = { ...shown, [name]: hidden(shown[name], [below]) };
  }
  return shown;
}
