import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/clock';
import { VirtualClock } from '../../src/testing/index';

describe('VirtualClock', () => {
  it('REQ-TIME-01 fires due timers in the order of their times', async () => {
    const clock = new VirtualClock();
    const fired: [string, number][] = [];
    const note = (name: string) => (): void => {
      fired.push([name, clock.now()]);
    };
    clock.setTimer(20, note('b'));
    clock.setTimer(10, note('a'));
    clock.setTimer(20, note('c'));
    clock.setTimer(31, note('later'));
    await clock.advance(30);
    expect(fired).toEqual([
      ['a', 10],
      ['b', 20],
      ['c', 20],
    ]);
    expect([clock.now(), clock.timers]).toEqual([30, 1]);
  });

  it('REQ-TIME-01 lets what a timer causes run, timers that it arms included', async () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    clock.setTimer(10, async () => {
      await undefined;
      clock.setTimer(5, () => fired.push(clock.now()));
    });
    await clock.advance(15);
    expect(fired).toEqual([15]);
  });

  it('forgets a timer that was cancelled', async () => {
    const clock = new VirtualClock();
    let fired = false;
    clock
      .setTimer(1, () => {
        fired = true;
      })
      .cancel();
    await clock.advance(5);
    expect([fired, clock.timers]).toEqual([false, 0]);
  });
});

describe('SystemClock', () => {
  it('REQ-TIME-01 fires, can be stopped, and keeps no process alive', async () => {
    const clock = new SystemClock();
    const before = clock.now();
    const stopped = clock.setTimer(0, () => {
      throw new Error('stopped');
    });
    stopped.cancel();
    clock.setTimer(60_000, () => {}).cancel();
    await new Promise<void>((resolve) => {
      clock.setTimer(1, resolve);
      // Our timers are unref'd; something else has to keep this test alive.
      setTimeout(() => {}, 50);
    });
    expect(clock.now()).toBeGreaterThanOrEqual(before);
  });
});
