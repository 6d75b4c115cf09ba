// Who watches a client hears of attempts, calls and turns, and disturbs none of them.
import { describe, expect, it } from 'vitest';
import { type Observer, SmoothAgentClient } from '../src/index';
import { within } from './peer';
import {
  confirmation,
  connected,
  expectSilence,
  failure,
  final,
  rejection,
  running,
  SESSION,
  settled,
  stage,
  token,
} from './setup';

/** Writes down what it is told. */
class Notes implements Observer {
  readonly seen: unknown[][] = [];

  attempt(host: string, error: Error | undefined): void {
    expect(host).toMatch(/^127\.0\.0\.1:\d+$/);
    this.seen.push(['attempt', error?.name]);
  }

  call(action: string, requestId: string, error: Error | undefined): void {
    this.seen.push([action, requestId, error?.name]);
  }

  turnStarted(requestId: string, sessionId: string): void {
    this.seen.push(['turnStarted', requestId, sessionId]);
  }

  firstToken(requestId: string): void {
    this.seen.push(['firstToken', requestId]);
  }

  question(requestId: string, kind: string): void {
    this.seen.push(['question', requestId, kind]);
  }

  turnSettled(requestId: string, outcome: string, error: Error | undefined): void {
    this.seen.push(['turnSettled', requestId, outcome, error?.name]);
  }
}

describe('an observer', () => {
  it('hears each thing once, in order', async () => {
    const notes = new Notes();
    const opened = await connected({ observer: notes });
    const { turn, requestId } = await running(opened, 't');
    opened.link.send(token('t', 'a'), token('t', 'b'), token('t', 'c'));
    opened.link.send(confirmation(requestId), final(requestId, 'abc'));
    await within('the end', turn().result());
    await expectSilence(opened);
    await settled();
    expect(notes.seen).toEqual([
      ['attempt', undefined],
      ['turnStarted', 't', SESSION],
      ['firstToken', 't'],
      ['question', 't', 'confirmation'],
      ['turnSettled', 't', 'completed', undefined],
      ['ping', 'req-1', undefined],
    ]);
  });

  it('hears of failures', async () => {
    const notes = new Notes();
    const opened = await connected({ observer: notes });
    const { turn } = await running(opened, 't');
    const asked = opened.client.getSession({ sessionId: SESSION });
    const { requestId } = await opened.link.recv();
    opened.link.send(failure(String(requestId), 'SESSION_NOT_FOUND'));
    await rejection(asked);
    opened.link.drop();
    await rejection(turn());
    const away = new SmoothAgentClient({ url: 'ws://127.0.0.1:1/ws', observer: notes });
    await rejection(away.connect());
    await settled();
    expect(notes.seen).toEqual([
      ['attempt', undefined],
      ['turnStarted', 't', SESSION],
      ['get_session', 'req-1', 'SessionNotFoundError'],
      ['turnSettled', 't', 'failed', 'TurnInterruptedError'],
      ['attempt', 'ConnectFailedError'],
    ]);
  });

  it('hears nothing of an aborted wait, a turn that never began, or an attempt that close ended', async () => {
    const notes = new Notes();
    const opened = await connected({ observer: notes });
    const stop = new AbortController();
    const asked = opened.client.ping({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await rejection(asked);
    opened.client.sendMessage({ sessionId: SESSION, message: 'x' }, { signal: stop.signal });
    await opened.link.recv();
    const { client } = await stage({ observer: notes });
    const connecting = client.connect();
    await client.close();
    await rejection(connecting);
    expect(notes.seen).toEqual([['attempt', undefined]]);
  });

  it('that throws is logged with the name of its hook, and disturbs nothing', async () => {
    const turnStarted = (): never => {
      throw new RangeError('secret');
    };
    const opened = await connected({ observer: { turnStarted } });
    const { turn } = await running(opened, 't');
    opened.link.send(final('t', 'x'));
    expect((await within('the end', turn().result())).text).toBe('x');
    const errors = opened.log.filter((line) => line.startsWith('error'));
    expect(errors).toEqual(['error a %s listener raised: %s turnStarted RangeError']);
  });

  it('is never called inside the frame of a caller, and is checked when the client is made', async () => {
    let inside = false;
    const turnStarted = (): void => expect(inside).toBe(false);
    const opened = await connected({ observer: { turnStarted } });
    inside = true;
    const running = opened.client.sendMessage({ sessionId: SESSION, message: 'x' });
    inside = false;
    running.detach();
    await opened.link.recv();
    expect(opened.log.filter((line) => line.startsWith('error'))).toEqual([]);
    const wrong = { call: 5 } as unknown as Observer;
    const make = (): unknown => new SmoothAgentClient({ url: 'ws://h/', observer: wrong });
    expect(make).toThrow(new TypeError('observer.call: expected a function'));
  });
});
