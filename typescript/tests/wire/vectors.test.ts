// Every generated vector: what the schema says about a frame is what the codec does with it.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  DecodeError,
  decodeEvent,
  encodeEvent,
  EVENT_FACTS,
  MalformedFrame,
} from '../../src/index';
import { faultOf, mendSurrogates, repair } from '../../src/wire/repair';
import { type CallName, decodeResult } from '../../src/wire/results';
import { SHAPES } from '../../src/wire/shapes';

interface Vector {
  readonly id: string;
  readonly text: string;
  readonly outcome: 'good' | 'broken' | 'unknown' | 'malformed';
  readonly problem?: { readonly kind: string; readonly pointer: string };
  readonly encoded?: unknown;
  readonly flat?: Record<string, unknown>;
  readonly wireType?: string;
}

interface Body {
  readonly message?: string;
  readonly type?: string;
  readonly action?: CallName;
  readonly vectors: readonly Vector[];
}

const FOLDER = new URL('../../../spec/vectors/', import.meta.url);
const read = (path: string): Body => JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));

function bodies(folder: string): [string, Body][] {
  const files = readdirSync(new URL(folder, FOLDER)).filter((name) => name.endsWith('.json'));
  // An empty folder is a mistake, not a pass.
  if (files.length === 0) throw new Error(`no vectors in ${folder}`);
  return files.map((name) => [name, read(`${folder}/${name}`)]);
}

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
    expect([outcome, event.wireType]).toEqual(['unknown', wireType]);
    return;
  }
  expect([outcome, event.type]).toEqual(['good', body.message ?? event.type]);
  expect(JSON.parse(encodeEvent(event))).toEqual(plain(encoded ?? JSON.parse(text)));
  const facts = EVENT_FACTS[event.type].map((name) => [name, event[name as keyof typeof event]]);
  if (flat) expect(plain(Object.fromEntries(facts))).toEqual(plain(flat));
}

describe('vectors', () => {
  it.each([...bodies('events'), ['frames.json', read('frames.json')] as [string, Body]])(
    'REQ-WIRE-06 REQ-WIRE-13 decodes events of %s as the schemas say',
    (_, body) => {
      expect(body.vectors.length).toBeGreaterThan(0);
      for (const vector of body.vectors) {
        expect(() => checkEvent(body, vector), `${vector.id}: ${vector.text}`).not.toThrow();
      }
    },
  );

  it.each(bodies('results'))('REQ-WIRE-06 decodes results of %s as the schemas say', (_, body) => {
    for (const { id, text, outcome, problem, encoded } of body.vectors) {
      const run = (): unknown => decodeResult(body.action as CallName, decodeEvent(text));
      if (outcome === 'broken') expect(thrown(run), id).toMatchObject({ problem });
      else expect(plain(run()), id).toEqual(plain(encoded ?? JSON.parse(text).data));
    }
  });

  it.each(bodies('types'))('REQ-WIRE-06 repairs and checks %s by the tables', (_, body) => {
    const type = body.type as string;
    for (const { id, text, outcome, problem, encoded } of body.vectors) {
      const tree: unknown = JSON.parse(mendSurrogates(text));
      repair(tree, type, SHAPES);
      const fault = faultOf(tree, type, SHAPES, false);
      expect(fault, `${id}: ${text}`).toEqual(outcome === 'broken' ? problem : undefined);
      if (outcome === 'good') expect(plain(tree), id).toEqual(plain(encoded ?? JSON.parse(text)));
    }
  });
});
