import { describe, expect, it } from 'vitest';
import {
  cancelled,
  confirmation,
  connected,
  expectSilence,
  failure,
  final,
  grant,
  LINK_TIMERS,
  rejection,
  running,
  SESSION,
  settled,
  stage,
  token,
  until,
} from './setup';

const cancelOf = (requestId: string): object => ({
  action: 'cancel',
  requestId,
  sessionId: SESSION,
});

describe('cancel()', () => {
  it('REQ-STOP-01 REQ-STOP-02 writes one cancel and resolves when the turn settles', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const first = turn().cancel();
    const second = turn().cancel();
    expect(await link.recv()).toEqual(cancelOf(requestId));
    await expectSilence(stageOf);
    link.send(cancelled(requestId));
    await Promise.all([first, second]);
    expect(await turn()).toMatchObject({ outcome: 'cancelled', confirmed: true });
    await turn().cancel();
    await expectSilence(stageOf);
  });

  it('REQ-STOP-02 without a terminal event it settles by itself, unconfirmed', async () => {
    const stageOf = await connected();
    const { clock } = stageOf;
    const { turn } = await running(stageOf);
    const done = turn().cancel();
    await clock.advance(4_999);
    expect(turn().state).toBe('running');
    await clock.advance(1);
    await done;
    const result = await turn();
    expect(result).toMatchObject({ outcome: 'cancelled', confirmed: false });
    expect(result.event).toBeUndefined();
  });

  it('REQ-STOP-03 a terminal that was on its way keeps its outcome', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const done = turn().cancel();
    link.send(final(requestId), cancelled(requestId));
    await done;
    expect((await turn()).outcome).toBe('completed');
  });

  it('REQ-STOP-06 an error that answers the cancel leaves the turn alive', async () => {
    const stageOf = await connected();
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const done = turn().cancel();
    await link.recv();
    link.send(failure(requestId, 'UNSUPPORTED_ACTION'));
    await until('the error', () => turn().items.length === 1);
    expect(turn().state).toBe('running');
    await clock.advance(5_000);
    await done;
    expect(await turn()).toMatchObject({ outcome: 'cancelled', confirmed: false });
  });
});

describe('native cancellation', () => {
  it('REQ-STOP-04 of a wait for the result raises at once and sends one cancel', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const abort = new AbortController();
    const wait = rejection(turn().result({ signal: abort.signal }));
    const reason = new Error('mine');
    abort.abort(reason);
    expect(await wait).toBe(reason);
    expect(await link.recv()).toEqual(cancelOf(requestId));
    await expectSilence(stageOf);
    expect(turn().state).toBe('running');
  });

  it('REQ-STOP-04 of a wait for an item does the same', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const abort = new AbortController();
    const events = turn().events({ signal: abort.signal });
    const wait = rejection(events.next());
    abort.abort();
    expect((await wait).name).toBe('AbortError');
    expect((await events.next()).done).toBe(true);
    expect(await link.recv()).toEqual(cancelOf(requestId));
  });

  it.each(['result', 'iterator', 'detached'])(
    'REQ-STOP-04 sends nothing while there is another %s',
    async (what) => {
      const stageOf = await connected();
      const { link } = stageOf;
      const { turn, requestId } = await running(stageOf);
      if (what === 'result') void turn().result();
      else if (what === 'iterator') turn().events();
      else turn().detach();
      const abort = new AbortController();
      const wait = rejection(turn().result({ signal: abort.signal }));
      abort.abort();
      await wait;
      await expectSilence(stageOf);
      link.send(final(requestId));
      expect((await turn()).outcome).toBe('completed');
    },
  );

  it('REQ-STOP-04 of a message that was not yet written sends nothing at all', async () => {
    const { client, peer } = await stage({}, { hold: true });
    const connecting = client.connect();
    const abort = new AbortController();
    const asked = client.sendMessage(
      { sessionId: SESSION, message: 'hi' },
      { signal: abort.signal },
    );
    const wait = rejection(asked.result());
    await until('the handshake', () => peer.requests.length === 1);
    abort.abort();
    expect((await wait).name).toBe('AbortError');
    peer.release();
    await connecting;
    await expectSilence({ client, link: await peer.link() } as never);
  });

  it('REQ-STOP-04 a signal that has aborted before sends nothing and draws no id', async () => {
    const stageOf = await connected();
    const { client } = stageOf;
    const signal = AbortSignal.abort(new Error('before'));
    const turn = client.sendMessage({ sessionId: SESSION, message: 'hi' }, { signal });
    expect((await rejection(turn.result())).message).toBe('before');
    expect((await rejection(turn.events().next())).message).toBe('before');
    await expectSilence(stageOf);
  });

  it('REQ-STOP-04 the signal of ask() stops the turn and comes back as its reason', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const made = client.startConversation({ agentId: 'a' });
    await grant(link);
    const chat = await made;
    const abort = new AbortController();
    const asked = rejection(chat.ask('hi', { signal: abort.signal }));
    const { requestId } = await link.recv();
    abort.abort(new Error('too long'));
    expect((await asked).message).toBe('too long');
    expect(await link.recv()).toEqual(cancelOf(requestId as string));
  });
});

describe('leaving', () => {
  it('REQ-STOP-05 breaking out of the loop stops the turn', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(token(requestId, 'enough'), token(requestId, 'more'));
    for await (const event of turn()) {
      expect(event.type).toBe('stream_token');
      break;
    }
    expect(await link.recv()).toEqual(cancelOf(requestId));
  });

  it('REQ-STOP-05 `await using` and return() of a text stream stop it, too', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const one = await running(stageOf);
    await one.turn()[Symbol.asyncDispose]();
    expect(await link.recv()).toEqual(cancelOf(one.requestId));
    const two = await running(stageOf);
    await two.turn().textStream.return();
    expect(await link.recv()).toEqual(cancelOf(two.requestId));
  });

  it('REQ-STOP-05 return() ends a wait for the next item', async () => {
    const stageOf = await connected();
    const { turn } = await running(stageOf);
    const events = turn().events();
    const waiting = events.next();
    await events.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('REQ-STOP-05 detach() lets a turn run on', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    turn().detach();
    await turn().events().return();
    await expectSilence(stageOf);
    link.send(final(requestId));
    expect((await turn()).outcome).toBe('completed');
  });

  it('REQ-STOP-05 leaving after the end writes nothing', async () => {
    const stageOf = await connected();
    const { link } = stageOf;
    const { turn, requestId } = await running(stageOf);
    const late = turn().events();
    link.send(final(requestId));
    await turn();
    await late.return();
    await turn()[Symbol.asyncDispose]();
    await expectSilence(stageOf);
  });
});

describe('no leaks', () => {
  it('REQ-CONN-05 a thousand turns leave no timer and no record behind', async () => {
    const stageOf = await connected();
    const { client, link, clock } = stageOf;
    link.socket.on('message', (data) => {
      const { action, requestId } = JSON.parse(String(data));
      if (action === 'send_message') link.send(token(requestId, 'x'), final(requestId));
    });
    for (let n = 0; n < 1_000; n += 1) {
      await client.sendMessage({ sessionId: SESSION, message: 'hi' });
      await link.recv();
    }
    await settled();
    expect(clock.timers).toBe(LINK_TIMERS);
  });

  it('REQ-TURN-20 stops the limits of a turn whose question was open at the end', async () => {
    const stageOf = await connected();
    const { link, clock } = stageOf;
    const { turn, requestId } = await running(stageOf);
    link.send(confirmation(requestId), final(requestId));
    await turn();
    expect([clock.timers, turn().question('confirmation')]).toEqual([LINK_TIMERS, undefined]);
  });
});
