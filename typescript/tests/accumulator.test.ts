// The text of a turn is what its pieces are together, whatever they are made of and whenever it is read.
import { describe, expect, it } from 'vitest';
import { TextBuffer } from '../src/accumulator';

const KINDS: readonly (readonly [string, readonly string[]])[] = [
  ['one byte a unit', ['a', 'tokens ', '\u00ff', '']],
  ['two bytes a unit', ['\u0100', 'λόγος ', '😀']],
  ['both, and pieces longer than a chunk', ['plain ', '世界', 'é', 'x'.repeat(20_000), '…']],
];

describe('REQ-TURN-15 the streamed text', () => {
  it.each(KINDS)('is whole with %s', (_, pieces) => {
    const unread = new TextBuffer();
    const read = new TextBuffer();
    let expected = '';
    for (let n = 0; n < 3_000; n += 1) {
      // No piece that is longer than a chunk comes each time: a text of 12 MB proves no more.
      const piece = pieces[n % (n < 20 ? pieces.length : 3)] ?? '';
      for (const buffer of [unread, read]) buffer.add(piece);
      expected += piece;
      if (n % 700 === 0) expect(read.text === expected).toBe(true);
    }
    expect([unread.length, read.length]).toEqual([expected.length, expected.length]);
    expect(unread.text === expected && read.text === expected).toBe(true);
  });
});
