// Every generated vector: what the schema says about a frame is what the codec does with it.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ActionName,
  type ActionParams,
  DecodeError,
  decodeEvent,
  encodeAction,
  encodeEvent,
  makeAction,
  MalformedFrame,
} from '../../src/index';
import { EVENT_FACTS } from '../../src/wire/facts';
import { faultOf, mendSurrogates, repair } from '../../src/wire/repair';
import { type CallName, decodeResult } from '../../src/wire/results';
import { OTHER_SHAPES, SHAPES as HELD_SHAPES } from '../../src/wire/shapes';

const SHAPES = { ...HELD_SHAPES, ...OTHER_SHAPES };

interface Vector {
  readonly id: string;
  readonly text: string;
  readonly strict: boolean;
  readonly outcome: 'good' | 'broken' | 'unknown' | 'malformed';
  readonly problem?: { readonly kind: string; readonly pointer: string };
  readonly encoded?: unknown;
  readonly flat?: Record<string, unknown>;
  readonly wireType?: string;
}

interface Body {
  readonly role: 'event' | 'frame' | 'result' | 'type' | 'action';
  readonly message?: string;
  readonly type?: string;
  readonly action?: CallName;
  readonly vectors: readonly Vector[];
}

const FOLDER = new URL('../../../spec/vectors/', import.meta.url);
const files = (readdirSync(FOLDER, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.json') && !name.startsWith('machines'))
  .map((name) => name.replaceAll('\\', '/'))
  .sort();
const textOf = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');
const all: readonly (readonly [string, Body])[] = files.map((n) => [n, JSON.parse(textOf(n))]);

/** The files of one role; a role or a file without vectors is a mistake, not a pass. */
function bodies(role: Body['role']): readonly (readonly [string, Body])[] {
  const found = all.filter(([, body]) => body.role === role);
  const empty = found.filter(([, body]) => body.vectors.length === 0);
  if (found.length === 0 || empty.length > 0) throw new Error(`no vectors: ${role} ${empty}`);
  return found;
}

const replays = (['event', 'frame', 'result', 'type', 'action'] as const).map(
  (role) => [role, bodies(role)] as const,
);
const replayed = Object.fromEntries(replays) as Record<Body['role'], ReturnType<typeof bodies>>;

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function checkEvent(body: Body, { text, outcome, problem, flat, encoded, wireType }: Vector): void {
  if (outcome === 'malformed') {
    expect(thrown(() => decodeEvent(text))).toBeInstanceOf(MalformedFrame);
    return;
  }
  if (outcome === 'broken') {
    const fault = thrown(() => decodeEvent(text));
    expect(fault).toBeInstanceOf(DecodeError);
    expect(fault).toMatchObject({ type: body.message, problem, raw: JSON.parse(text) });
    return;
  }
  const event = decodeEvent(text);
  expect(event.raw).toEqual(JSON.parse(text));
  if (event.type === 'unknown') {
    expect([outcome, event.wireType, event.problem]).toEqual(['unknown', wireType, undefined]);
    expect(JSON.parse(encodeEvent(event))).toEqual(JSON.parse(text));
    return;
  }
  expect([outcome, event.type]).toEqual(['good', body.message]);
  expect(JSON.parse(encodeEvent(event))).toEqual(plain(encoded ?? JSON.parse(text)));
  const facts = EVENT_FACTS[event.type].map((name) => [name, event[name as keyof typeof event]]);
  if (flat) expect(plain(Object.fromEntries(facts))).toEqual(plain(flat));
}

// What is not checked here: values of an enum, which of two members is given.
const LIMITS = /=(odd|unknown-value|minus-zero|exponent)$|^\/code=absent$|^choice-0=none$/;

function checkAction(name: ActionName, { id, text, strict }: Vector): void {
  const { action, ...params } = JSON.parse(text);
  const misuse = thrown(() => makeAction(name, params as ActionParams<ActionName>));
  if (misuse !== undefined) {
    expect(misuse).toBeInstanceOf(TypeError);
    expect(strict).toBe(false);
    return;
  }
  const made = makeAction(name, params as ActionParams<ActionName>);
  expect(JSON.parse(encodeAction(made))).toEqual(plain({ action: name, ...params }));
  // The name is no parameter: a frame with a wrong one cannot be asked for.
  expect(strict || action !== name || LIMITS.test(id)).toBe(true);
}

describe('vectors', () => {
  it('are all replayed: no other kind of file is overlooked', () => {
    const names = replays.flatMap(([, found]) => found.map(([name]) => name));
    expect(names.sort()).toEqual(files);
    const count = replays
      .flatMap(([, found]) => found.map(([, body]) => body.vectors.length))
      .reduce((sum, one) => sum + one, 0);
    const written = files.flatMap((name) => textOf(name).match(/^\s*\{"id":/gm) ?? []);
    expect(count).toBe(written.length);
    expect(count).toBeGreaterThan(4000);
  });

  it.each([...replayed.event, ...replayed.frame])(
    'REQ-WIRE-06 REQ-WIRE-13 decodes %s as the schemas say',
    (_, body) => {
      for (const vector of body.vectors) {
        expect(() => checkEvent(body, vector), `${vector.id}: ${vector.text}`).not.toThrow();
      }
    },
  );

  it.each(replayed.result)('REQ-WIRE-06 decodes %s as the schemas say', (_, body) => {
    for (const { id, text, outcome, problem, encoded } of body.vectors) {
      const run = (): unknown => decodeResult(body.action as CallName, decodeEvent(text));
      if (outcome === 'broken') expect(thrown(run), id).toMatchObject({ problem });
      else expect(plain(run()), id).toEqual(plain(encoded));
    }
  });

  it.each(replayed.type)('REQ-WIRE-06 repairs and checks %s by the tables', (_, body) => {
    const type = body.type as string;
    for (const { id, text, outcome, problem, encoded } of body.vectors) {
      const tree: unknown = JSON.parse(mendSurrogates(text));
      repair(tree, type, SHAPES);
      const fault = faultOf(tree, type, SHAPES, false);
      expect(fault, `${id}: ${text}`).toEqual(outcome === 'broken' ? problem : undefined);
      if (outcome === 'good') expect(plain(tree), id).toEqual(plain(encoded ?? JSON.parse(text)));
    }
  });

  it.each(replayed.action)('REQ-CALL-05 writes %s as the schemas say', (_, body) => {
    for (const vector of body.vectors) {
      const check = (): void => checkAction(body.message as ActionName, vector);
      expect(check, `${vector.id}: ${vector.text}`).not.toThrow();
    }
  });
});
