// The learned frame against the full decode: whatever is made of a frame, both show the same.
import { describe, expect, it } from 'vitest';
import { decodeEvent, EventDecoder, idOf, correlationOf, type ServerEvent } from '../../src/wire';
import { LearnedView } from '../../src/wire/learned';

const ROUNDS = Number(process.env.FUZZ_FRAMES ?? 20_000);

/** A generator that gives the same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const frame = (token: string, more: object = {}, inner: object = {}, type = 'stream_token') => ({
  type,
  requestId: 'req-1',
  token,
  data: { requestId: 'req-1', token, ...inner },
  timestamp: 1_764_000_000_000,
  ...more,
});

/** What an event shows, or what it was refused with. */
function shown(decode: () => ServerEvent): unknown {
  try {
    const event = decode();
    const { type, raw } = event;
    const { requestId, token, timestamp, data } = event as unknown as Record<string, unknown>;
    const id = [idOf(event), correlationOf(raw)];
    return { type, raw, id, requestId, token, timestamp, data, text: JSON.stringify(event) };
  } catch (error) {
    return String(error);
  }
}

const TOKENS = ['', ' ', 'a', 'null', '0', 'false', 'ä€😀', 'tab\tnew\nline', '"', '\\', '\u0000'];
const SNIPPETS = [
  ...['"', '\\', '\\"', '\\n', '\\u0041', '\\ud83d', '\\ude00', '\ud83d', '\u0007', '\n', ' '],
  ...['{', '}', '[', ']', ',', ':', 'null', 'true', '0', '-1', '01', '1.5', '1e3', '9'.repeat(16)],
  ...['"token":"x",', '"requestId":"req-2",', '"data":{},', '"type":"error",', ',"seq":7'],
];

/** Returns a text near a frame: cut, doubled, with something put in or put in the place of. */
function mutated(text: string, pick: (below: number) => number): string {
  const at = pick(text.length + 1);
  const to = Math.min(text.length, at + pick(12));
  const snippet = SNIPPETS[pick(SNIPPETS.length)] ?? '';
  switch (pick(6)) {
    case 0:
      return text.slice(0, at) + text.slice(to);
    case 1:
      return text.slice(0, at) + text.slice(at, to) + text.slice(at);
    case 2:
      return text.slice(0, at) + snippet + text.slice(to);
    case 3:
      return text.replace('req-1', `req-${pick(3)}`);
    case 4:
      return text.replaceAll('"token":"', `"token":"${snippet}`);
    default:
      return text.slice(0, at) + snippet + text.slice(at);
  }
}

describe('EventDecoder', () => {
  it('reads a frame that is equal but for its values without a parse', () => {
    const decoder = new EventDecoder();
    const texts = ['a', 'b', 'longer than before', 'new\nline', ''].map((token, n) =>
      JSON.stringify(frame(token, { timestamp: 1_764_000_000_000 + n })),
    );
    const events = texts.map((text) => decoder.decode(text));
    expect(events.map((event) => event instanceof LearnedView)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
    expect(events.map((event) => shown(() => event))).toEqual(
      texts.map((text) => shown(() => decodeEvent(text))),
    );
  });

  it('follows a frame of another turn, and of another kind', () => {
    const decoder = new EventDecoder();
    const decode = (...given: Parameters<typeof frame>): boolean =>
      decoder.decode(JSON.stringify(frame(...given))) instanceof LearnedView;
    expect(decode('a')).toBe(false);
    expect(decode('b', { requestId: 'req-2' }, { requestId: 'req-2' })).toBe(true);
    expect(decode('c')).toBe(true);
    expect(decode('d', {}, {}, 'stream_reasoning')).toBe(false);
    expect(decode('e', {}, {}, 'stream_reasoning')).toBe(true);
    expect(decode('f')).toBe(true);
  });

  it('learns nothing from what was mended, repaired, or has a key twice', () => {
    const texts = [
      JSON.stringify(frame('x', { timestamp: null })),
      '{"type":"stream_token","requestId":"r","token":"a","data":{"requestId":"r","token":"\\ud83d"}}',
      '{"type":"stream_token","token":"b","token":"a","data":{"requestId":"r","token":"a"}}',
      '{"type":"stream_token","data":{"requestId":"r","token":"a"},"timestamp":1e3}',
    ];
    for (const text of texts) {
      const decoder = new EventDecoder();
      for (let n = 0; n < 3; n += 1) {
        expect(decoder.decode(text)).not.toBeInstanceOf(LearnedView);
      }
    }
  });

  it('asks for no more patterns when none of them fits', () => {
    const decoder = new EventDecoder();
    for (let n = 0; n < 5_000; n += 1) {
      expect(decoder.decode(JSON.stringify(frame('a', { [`k${n}`]: n }))).type).toBe(
        'stream_token',
      );
    }
  });

  it(`shows the same as a full decode, for ${ROUNDS} frames with every mutation`, () => {
    const pick = random(7);
    let decoder = new EventDecoder();
    let learned = 0;
    for (let n = 0; n < ROUNDS; n += 1) {
      if (n % 500 === 0) decoder = new EventDecoder();
      const token = TOKENS[pick(TOKENS.length)] ?? '';
      const type = ['stream_token', 'stream_preamble', 'stream_reasoning'][pick(3)] ?? '';
      const spaces = pick(4) === 0 ? 1 : undefined;
      const given = frame(token, { timestamp: pick(3) * 7 }, {}, type);
      let text = JSON.stringify(given, undefined, spaces);
      for (let times = pick(3); times > 0; times -= 1) text = mutated(text, pick);
      let seen: ServerEvent | undefined;
      const quick = shown(() => {
        seen = decoder.decode(text);
        return seen;
      });
      if (seen instanceof LearnedView) learned += 1;
      const full = shown(() => decodeEvent(text));
      if (JSON.stringify(quick) !== JSON.stringify(full))
        expect({ text, quick }).toEqual({ text, quick: full });
    }
    expect(learned).toBeGreaterThan(ROUNDS / 10);
  });
});
