// The waits between attempts, as the sentences of the specification have them.
import { describe, expect, it } from 'vitest';
import { Backoff } from '../src/supervisor-backoff';

/** A source of numbers that is the same in every run. */
function* numbers(): Generator<number, never, undefined> {
  for (let state = 1; ;) {
    state = (state * 48_271) % 0x7fff_ffff;
    yield state / 0x7fff_ffff;
  }
}

describe('the backoff', () => {
  it.each([
    [0, [0, 500, 500, 500, 500, 500, 500]],
    [0.5, [250, 1_000, 1_500, 2_500, 4_500, 8_500, 10_500]],
    [0.999, [499, 1_499, 2_498, 4_496, 8_492, 16_484, 20_000]],
  ])('REQ-CONN-31 waits with the defaults and u = %d', (draw, waits) => {
    const backoff = new Backoff(500, 20_000);
    expect(waits.map(() => backoff.delay(draw))).toEqual(waits);
  });

  it('REQ-CONN-31 is the formula, whatever base, bound, number and draw', () => {
    const source = numbers();
    const upTo = (most: number): number => Math.floor(source.next().value * most);
    for (let round = 0; round < 2_000; round += 1) {
      const [base, longest, n] = [1 + upTo(100_000), 1 + upTo(100_000), upTo(60)];
      const u = source.next().value;
      const backoff = new Backoff(base, longest);
      for (let made = 0; made < n; made += 1) backoff.delay(0.5);
      const grown = Math.min(longest, base * 2 ** Math.min(n, 31));
      const wait = n === 0 ? Math.floor(u * base) : base + Math.floor(u * grown);
      expect(backoff.delay(u)).toBe(Math.min(longest, wait));
    }
  });

  it('REQ-CONN-31 counts from the number of the row on', () => {
    const backoff = new Backoff(500, 20_000);
    expect([backoff.delay(0.5, { backoffFrom: 2 }), backoff.delay(0.5)]).toEqual([1_500, 2_500]);
  });

  it.each([
    [0, 0, 0],
    [2_000, 0.5, 2_250],
    [4_000, 0.5, 4_500],
    [1e9, 0.5, 135_000],
  ])('REQ-CONN-33 the server says %d ms: with u = %d it waits %d', (retryAfterMs, u, wait) => {
    const backoff = new Backoff(500, 20_000);
    expect(backoff.delay(u, { retryAfterMs, backoffFrom: 2 })).toBe(wait);
    expect(backoff.delay(0.5)).toBe(2_500); // counted like any other
  });

  it('REQ-CONN-32 begins anew', () => {
    const backoff = new Backoff(500, 20_000);
    backoff.delay(0.5);
    backoff.attempts = 3;
    backoff.reset();
    expect([backoff.attempts, backoff.delay(0.5)]).toEqual([0, 250]);
  });
});
