// A turn outlives its link: what no frame shows of it. The cases of conformance/ hold the rest.
import { describe, expect, it } from 'vitest';
import { decodeEvent, type ServerEvent, type Turn, TurnInterruptedError } from '../src/index';
import { type Settings, settingsOf } from '../src/options';
import { fastPaths } from '../src/options-fast-paths';
import { Resuming } from '../src/turn-resuming';
import { LIMITS } from '../src/wire/options';
import { type Frame, within } from './peer';
import { LINK_TIMERS, question, rejection, SESSION, settled, until } from './setup';
import { asked, cut, found, opened, resumed, script, talking, type Talk } from './talk';

const seqs = (turn: Turn): unknown[] => turn.items.map((item) => (item as { seq?: number }).seq);

describe('a suspended turn', () => {
  it('REQ-RESUME-02 lets its readers wait, and ends none of them', async () => {
    const talk = await talking();
    const { turn, requestId, client } = talk;
    const events = script(requestId, 'a', 'b');
    const seen: string[] = [];
    const pieces: string[] = [];
    const states: string[] = [turn().state];
    let done = 0;
    const follow = async (): Promise<void> => {
      for await (const event of turn()) seen.push(event.type);
      done += 1;
    };
    const read = async (): Promise<void> => {
      for await (const piece of turn().textStream) pieces.push(piece);
      done += 1;
    };
    const readers = [follow(), read()];
    const result = turn().result();
    talk.link.send(...events.slice(0, 2));
    await until('the first token', () => turn().partialText === 'a');
    states.push(turn().state);
    await cut(talk);
    states.push(turn().state);
    expect(await found(talk)).toEqual({
      action: 'resume_turn',
      requestId,
      sessionId: SESSION,
      afterSeq: 2,
    });
    await settled();
    expect([done, client.counters.openTurns]).toEqual([0, 1]);
    resumed(talk.link, requestId, 3);
    talk.link.send(...events.slice(1));
    await within('the readers', Promise.all(readers));
    expect((await result).text).toBe('ab');
    expect(pieces).toEqual(['a', 'b']);
    expect(seen).toEqual(['stream_token', 'stream_token', 'eventual_response']);
    expect([...states, turn().state]).toEqual(['sent', 'running', 'suspended', 'settled']);
    expect(client.counters).toMatchObject({ resumedTurns: 1, openTurns: 0 });
  });

  it('REQ-RESUME-02 REQ-STOP-04 is stopped by a reader that leaves, behind resume_turn', async () => {
    const talk = await talking();
    await cut(talk);
    expect(talk.turn().state).toBe('suspended');
    const abort = new AbortController();
    const wait = talk.turn().result({ signal: abort.signal });
    abort.abort(new Error('enough'));
    expect((await rejection(wait)).message).toBe('enough');
    await found(talk);
    expect((await talk.link.recv()).action).toBe('cancel');
    resumed(talk.link, talk.requestId, 0, 'never');
    const { outcome, confirmed } = await within('the end', talk.turn());
    expect([outcome, confirmed]).toEqual(['cancelled', false]);
  });

  it('REQ-RESUME-08 REQ-CALL-10 keeps no answer that is too large', async () => {
    const talk = await talking();
    const { turn, requestId } = talk;
    const asks = { kind: 'identity_intake', spec: { fields: [] }, reason: 'r' };
    const form = { interactionId: 'i-1', ...asks };
    talk.link.send(
      ...script(requestId).slice(0, 1),
      question('interaction_required', requestId, form, { seq: 2 }),
    );
    await until('the question', () => turn().question('interaction') !== undefined);
    await cut(talk);
    const large = turn().submit({ text: 'x'.repeat(LIMITS.outboundBytes) });
    expect((await rejection(large)).kind).toBe('message_too_large');
    const answer = turn().submit({ text: 'x' });
    await found(talk);
    resumed(talk.link, requestId, 2);
    expect((await talk.link.recv()).values).toEqual({ text: 'x' });
    const closed = rejection(answer);
    const closing = talk.client.close();
    await talk.clock.advance(10_000);
    await closing;
    expect((await closed).kind).toBe('client_closed');
  });

  it('REQ-RESUME-09 that nobody takes up fails after resumeTimeoutMs', async () => {
    const talk = await talking({ resumeTimeoutMs: 5_000 });
    await cut(talk);
    await talk.clock.advance(4_999);
    expect(talk.turn().state).toBe('suspended');
    await talk.clock.advance(1);
    const error = await rejection(talk.turn());
    expect(error).toBeInstanceOf(TurnInterruptedError);
    expect(error).toMatchObject({ kind: 'turn_interrupted', closeCode: 1006, sent: true });
  });

  it('REQ-RESUME-04 REQ-RESUME-05 that the server does not give fails with its word', async () => {
    const talk = await talking();
    await cut(talk);
    await found(talk);
    const error = { code: 'SESSION_NOT_FOUND', message: 'gone' };
    const { requestId } = talk;
    talk.link.send({ type: 'error', requestId, error, data: { requestId, error } });
    const refused = await rejection(talk.turn());
    expect(refused).toMatchObject({ kind: 'turn_interrupted', code: undefined });
    expect(refused.closeCode).toBeUndefined();
    expect(refused.details).toEqual({ sent: true, code: 'SESSION_NOT_FOUND' });
  });
});

/** Numbers below a bound, the same ones for the same seed. */
function chances(seed: number): (below: number) => number {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Sends all events; loses some, sends some twice. Returns how often the client asked. */
async function playWithCuts(talk: Talk, events: Frame[], seed: number): Promise<number> {
  const chance = chances(seed);
  let [at, newest, times] = [0, 0, 0];
  for (;;) {
    const end = newest + 1 + chance(events.length - newest);
    talk.link.send(...events.slice(at, end));
    if (end >= events.length) return times;
    let frame: Frame;
    const beyond = events[end + 1];
    if (beyond && chance(2) === 0) {
      talk.link.send(beyond); // a gap: the client asks on the same link
      frame = await asked(talk);
      expect(frame.afterSeq).toBe(end);
    } else {
      await cut(talk);
      frame = await found(talk);
      expect(frame.afterSeq).toBeGreaterThanOrEqual(newest);
      expect(frame.afterSeq).toBeLessThanOrEqual(end); // what the cut link still held is lost
    }
    newest = frame.afterSeq as number;
    times += 1;
    at = chance(newest + 1);
    resumed(talk.link, frame.requestId as string, events.length);
  }
}

describe('the numbers of events', () => {
  const seeds = Array.from({ length: 16 }, (_, seed) => ({ seed, quiet: seed % 4 !== 0 }));

  it.each(seeds)(
    'REQ-RESUME-06 give the whole text once, whatever is cut ($seed, fast $quiet)',
    async ({ seed, quiet }) => {
      fastPaths.quiet = quiet;
      try {
        const talk = await talking({ resumeTimeoutMs: 0, backoffMaxMs: 500 });
        const tokens = Array.from({ length: 60 }, (_, n) => `${n} `);
        const events = script(talk.requestId, ...tokens);
        const times = await playWithCuts(talk, events, seed);
        const { outcome, text } = await within('the end', talk.turn());
        expect([outcome, text]).toEqual(['completed', tokens.join('')]);
        expect(seqs(talk.turn())).toEqual(events.slice(1).map(({ seq }) => seq));
        expect(talk.client.counters.resumedTurns).toBe(times);
      } finally {
        fastPaths.quiet = true;
      }
    },
    20_000,
  );

  it('REQ-RESUME-06 a thousand suspensions leave nothing behind', async () => {
    const talk = await talking();
    const { turn, requestId, clock, client, link } = talk;
    const rounds = 1_000;
    const events = script(requestId, ...Array.from({ length: rounds }, () => 'x'));
    const timers = new Set<number>();
    link.send(events[0] as Frame);
    for (let round = 1; round <= rounds; round += 1) {
      link.send(events[round + 1] as Frame);
      expect((await asked(talk)).afterSeq).toBe(round);
      resumed(link, requestId, round + 1);
      link.send(events[round] as Frame);
      await until('the token', () => turn().partialText.length === round);
      timers.add(clock.timers);
    }
    expect(timers.size).toBe(1);
    expect([turn().state, client.counters.resumedTurns]).toEqual(['running', rounds]);
    link.send(events[rounds + 1] as Frame);
    expect((await within('the end', turn())).text).toBe('x'.repeat(rounds));
    expect(clock.timers).toBe(LINK_TIMERS);
  }, 20_000);

  it('REQ-RESUME-03 lost links leave no frame and no timer behind', async () => {
    const talk = await talking({ resumeTimeoutMs: 0, backoffMaxMs: 500 });
    const { turn, requestId, clock } = talk;
    const events = script(requestId, 'x');
    const timers = new Set<number>();
    talk.link.send(events[0] as Frame);
    await until('running', () => turn().state === 'running');
    for (let round = 0; round < 30; round += 1) {
      await cut(talk);
      expect((await found(talk)).afterSeq).toBe(1);
      resumed(talk.link, requestId, 1);
      await until('running', () => turn().state === 'running');
      expect(talk.link.frames.length).toBe(0);
      timers.add(clock.timers);
    }
    expect(timers.size).toBe(1);
    talk.link.send(...events.slice(1));
    expect((await within('the end', turn())).text).toBe('x');
    expect(clock.timers).toBe(LINK_TIMERS);
  });

  const settings: Settings = settingsOf({ url: 'ws://h/' });
  const eventsOf = (...frames: Frame[]): ServerEvent[] =>
    frames.map((frame) => decodeEvent(JSON.stringify(frame)));

  it('REQ-RESUME-06 the short way takes what the long one takes, and refuses the rest', () => {
    const tokens = eventsOf(...script('r', ...'abcdef').slice(1, -1));
    const short = new Resuming(settings, true);
    const long = new Resuming(settings, true);
    short.last = 1;
    long.last = 1;
    for (const event of tokens.slice(0, 3)) {
      expect(short.follows(event)).toBe(true);
      expect(long.takes(event, event.type, 'running')).toBe('stream_token');
    }
    expect([short.last, long.last]).toEqual([4, 4]);
    for (const wrong of [tokens[0], tokens[4]]) {
      expect(short.follows(wrong as ServerEvent)).toBe(false);
    }
    expect(long.takes(tokens[0] as ServerEvent, 'stream_token', 'running')).toBe('repeated');
    expect(long.takes(tokens[4] as ServerEvent, 'stream_token', 'running')).toBe('gap');
    // After a gap the next one ends it, which is more than an item.
    expect([short.last, long.last]).toEqual([4, 4]);
    expect(long.follows(tokens[3] as ServerEvent)).toBe(false);
    expect(new Resuming(settings, false).follows(tokens[4] as ServerEvent)).toBe(true);
  });

  it('REQ-RESUME-06 an event that has no number of its own kind is taken by that of its frame', () => {
    const [pong] = eventsOf({ type: 'pong', requestId: 'r', data: { timestamp: 1 }, seq: 1 });
    expect(new Resuming(settings, true).takes(pong as ServerEvent, 'pong', 'running')).toBe('pong');
  });

  it.each([
    [1, 'of_tomorrow'],
    [0, 'out'],
    [-1, 'out'],
    [1.5, 'out'],
    [2 ** 53, 'out'],
    [true, 'out'],
    ['1', 'out'],
    [null, 'out'],
    [undefined, 'out'],
  ])('REQ-RESUME-06 a number is an integer from 1 on: %s', (seq, word) => {
    const [event] = eventsOf({ type: 'of_tomorrow', requestId: 'r', seq });
    const taken = new Resuming(settings, true).takes(event as ServerEvent, 'unknown', 'running');
    expect(taken).toBe(word === 'out' ? 'out_of_order' : 'unknown');
  });
});

describe('openTurn', () => {
  it('REQ-RESUME-11 gives the turn that runs, the same one until it settles', async () => {
    const talk = await opened({}, { openTurn: { requestId: 'old', lastSeq: 3 } });
    const turn = talk.chat.openTurn();
    if (!turn) throw new Error('no turn');
    expect([turn.requestId, turn.state]).toEqual(['old', 'suspended']);
    expect((await asked(talk)).afterSeq).toBe(0);
    expect(talk.chat.openTurn()?.state).toBe('suspended');
    expect(talk.client.turn('old')?.state).toBe('suspended');
    expect([talk.link.frames.length, talk.client.counters.openTurns]).toEqual([0, 1]);
    resumed(talk.link, 'old', 3, 'gone');
    const error = await rejection(turn);
    expect(error.details).toEqual({ sent: true, state: 'gone' });
    expect(talk.chat.openTurn()?.state).toBe('suspended');
    expect((await asked(talk)).afterSeq).toBe(0);
  });

  it('REQ-RESUME-11 gives none where none was named, or nothing is replayed', async () => {
    expect((await opened()).chat.openTurn()).toBeUndefined();
    const named = { openTurn: { requestId: 'old', lastSeq: 3 } };
    const other = await opened({}, { ...named, capabilities: ['spec_1_2'] });
    expect(other.chat.openTurn()).toBeUndefined();
    const still = await opened({ maxReconnectAttempts: 0 }, named);
    expect(still.chat.openTurn()).toBeUndefined();
  });
});
