// What of a frame is shown, and which frames.
import { describe, expect, it } from 'vitest';
import { ALL, filtered, listed, typesOf } from '../src/model/filter';
import { type Frame, previewOf, shown, type WireRow } from '../src/model/frames';

const BASE = { at: 0, bytes: 1 } as const;

describe('a frame that is shown', () => {
  it('has the secrets of the specification struck out', () => {
    const text = JSON.stringify({ action: 'verify_otp', sessionId: 's', code: '123456' });
    const value = shown({ ...BASE, direction: 'out', type: 'verify_otp', text });
    expect(JSON.stringify(value)).not.toContain('123456');
    expect(value).toMatchObject({ action: 'verify_otp', sessionId: 's' });
  });

  it('has the token struck out wherever it is', () => {
    const text = JSON.stringify({ type: 'error', data: { message: 'no such token: abc.def' } });
    const value = shown({ ...BASE, direction: 'in', type: 'error', text }, 'abc.def');
    expect(JSON.stringify(value)).not.toContain('abc.def');
  });

  it('is shown as it is where it is no JSON', () => {
    expect(shown({ ...BASE, direction: 'in', text: 'not json' })).toBe('not json');
    expect(shown({ ...BASE, direction: 'in' })).toBeNull();
  });
});

describe('the line of a frame', () => {
  const envelope = { requestId: 'r', timestamp: 1 };

  it.each([
    [
      { ...envelope, type: 'stream_token', token: 'a', data: { requestId: 'r', token: 'a' } },
      '"token":"a"',
    ],
    [{ ...envelope, action: 'send_message', sessionId: 's', message: 'Hi' }, '"message":"Hi"'],
    [
      { ...envelope, type: 'x', data: { data: { toolId: 't', text: 'b' } } },
      '"text":"b","toolId":"t"',
    ],
    [
      { ...envelope, type: 'immediate_response', status: 202, seq: 1, data: {} },
      '"status":202,"data":{},"seq":1',
    ],
    [{ ...envelope, type: 'x', data: [1] }, '"data":[1]'],
    ['text', '"text"'],
    [null, 'null'],
    [{ type: 'pong' }, ''],
  ])('%j is %s', (value, line) => {
    expect(previewOf(value)).toBe(line);
  });

  it('ends where it gets long', () => {
    expect(previewOf({ text: 'x'.repeat(1_000) }).length).toBeLessThan(300);
  });
});

describe('a filter', () => {
  const frame = (id: number, direction: 'in' | 'out', type: string, text: string): Frame => ({
    kind: 'frame',
    ...{ id, at: 0, since: 0, direction, type, requestId: undefined, bytes: 1, value: null },
    text,
    preview: '',
  });
  const rows: readonly WireRow[] = [
    frame(1, 'out', 'send_message', '{"message":"Hello"}'),
    { kind: 'link', id: 2, at: 0, since: 0, text: 'lost, code 1006', isBad: true },
    frame(3, 'in', 'stream_token', '{"token":"hell "}'),
  ];

  it.each([
    [ALL, [1, 2, 3]],
    [{ ...ALL, direction: 'out' as const }, [1]],
    [{ ...ALL, type: 'stream_token' }, [3]],
    [{ ...ALL, text: ' HELL' }, [1, 3]],
    [{ ...ALL, text: '1006' }, [2]],
    [{ ...ALL, direction: 'in' as const, type: 'send_message' }, []],
  ])('%j lets through %j', (filter, ids) => {
    expect(filtered(rows, filter).map(({ id }) => id)).toEqual(ids);
  });

  it('folds frames of a type that follow each other, and nothing else', () => {
    const again = frame(4, 'in', 'stream_token', '{}');
    const folded = listed([...rows, again, ...rows], true);
    expect(folded.map(({ row, count }) => [row.id, count])).toEqual([
      [1, 1],
      [2, 1],
      [4, 2],
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(listed(rows, false)).toHaveLength(rows.length);
  });

  it('offers the types that there are', () => {
    expect(typesOf(rows)).toEqual([
      ['send_message', 1],
      ['stream_token', 1],
    ]);
  });
});
