// What recover() asks of the server: what no frame shows of it (REQ-RESUME-12).
import { describe, expect, it } from 'vitest';
import { ClientClosedError, type ClientOptions, type Turn } from '../src/index';
import { within } from './peer';
import { expectSilence, rejection, settled, until } from './setup';
import { asked, found, cut, resumed, script, type Talk, talking } from './talk';

type Lost = Talk & { turn: () => Turn; requestId: string };

/** A turn that another link has. */
async function interrupted(options: Partial<ClientOptions> = {}): Promise<Lost> {
  const talk = await talking(options);
  resumed(talk.link, talk.requestId, 0, 'moved');
  await until('the end', () => talk.turn().state === 'settled');
  return talk;
}

describe('recover() on a replay session (REQ-RESUME-12)', () => {
  it('leaves nothing when it is cancelled, and asks anew when it is called again', async () => {
    const talk = await interrupted();
    const { clock, turn } = talk;
    const { timers } = clock;
    const stop = new AbortController();
    const first = turn().recover({ signal: stop.signal });
    await asked(talk);
    stop.abort(new Error('enough'));
    expect((await rejection(first)).message).toBe('enough');
    expect(clock.timers).toBe(timers);
    await expectSilence(talk);
    const second = turn().recover();
    await asked(talk);
    resumed(talk.link, talk.requestId, 0, 'never');
    expect(await within('an answer', second)).toEqual({ status: 'not_delivered' });
  });

  it('asks nothing when its signal has aborted', async () => {
    const talk = await interrupted();
    const stopped = talk.turn().recover({ signal: AbortSignal.abort(new Error('enough')) });
    expect((await rejection(stopped)).message).toBe('enough');
    await expectSilence(talk);
  });

  it('asks itself when another one that asked was cancelled', async () => {
    const talk = await interrupted();
    const stop = new AbortController();
    const first = talk.turn().recover({ signal: stop.signal });
    await asked(talk);
    const second = talk.turn().recover();
    stop.abort(new Error('enough'));
    await rejection(first);
    await asked(talk);
    resumed(talk.link, talk.requestId, 0, 'never');
    expect(await within('an answer', second)).toEqual({ status: 'not_delivered' });
  });

  it('is answered once for two that wait, a close too', async () => {
    const talk = await interrupted();
    const answered = [talk.turn().recover(), talk.turn().recover()];
    await asked(talk);
    await expectSilence(talk);
    resumed(talk.link, talk.requestId, 0, 'never');
    const never = { status: 'not_delivered' };
    expect(await within('the answers', Promise.all(answered))).toEqual([never, never]);
    const failing = [talk.turn().recover(), talk.turn().recover()];
    await asked(talk);
    const closing = talk.client.close();
    for (const one of failing) {
      const error = await rejection(one);
      expect(error).toBeInstanceOf(ClientClosedError);
      expect(error.requestId).toBe(talk.requestId);
    }
    await talk.clock.advance(10_000);
    await within('close', closing);
  });

  it('is no reader of a turn that runs here: neither stops it nor keeps it from that', async () => {
    const talk = await talking();
    const stop = new AbortController();
    const first = talk.turn().recover({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await rejection(first);
    expect(talk.turn().state).toBe('sent');
    await expectSilence(talk);
    const second = talk.turn().recover();
    await talk.turn()[Symbol.asyncDispose]();
    expect((await talk.link.recv()).action).toBe('cancel');
    await talk.client.close();
    await rejection(second); // the history cannot be read any more
  });

  it('leaves nothing when its time is over, however often', async () => {
    const talk = await interrupted({ resumeTimeoutMs: 1_000 });
    await talk.clock.advance(10_000); // the link is stable
    const { timers } = talk.clock;
    for (let time = 0; time < 100; time += 1) {
      const found = talk.turn().recover();
      await asked(talk);
      await talk.clock.advance(1_000);
      expect(await within('an answer', found)).toEqual({ status: 'unknown' });
    }
    expect(talk.clock.timers).toBe(timers);
  });

  it('asks once on each link, and what comes meanwhile is nobody\u2019s', async () => {
    const talk = await interrupted();
    const pushed: unknown[] = [];
    talk.client.on('event', (event) => pushed.push(event));
    const answer = talk.turn().recover();
    await asked(talk);
    for (let time = 0; time < 2; time += 1) {
      resumed(talk.link, talk.requestId, 3);
      for (const event of script(talk.requestId, 'a', 'b').slice(0, -1)) talk.link.send(event);
      await cut(talk);
      await found(talk);
    }
    resumed(talk.link, talk.requestId, 0, 'never');
    expect(await within('an answer', answer)).toEqual({ status: 'not_delivered' });
    await settled();
    const { resumedTurns, openTurns } = talk.client.counters;
    expect([pushed, talk.turn().items, resumedTurns, openTurns]).toEqual([[], [], 0, 0]);
  });
});
