import { describe, expect, it } from 'vitest';
import type { FrameInfo, StateChange } from '../src/index';
import { connected, expectSilence, grant, response, settled, stage, token, until } from './setup';

describe('listeners', () => {
  it('REQ-CONN-02 REQ-CONN-07 state events come in order and never inside the frame of a caller', async () => {
    const { client, peer } = await stage();
    const seen: [string, string, string][] = [];
    let inside = false;
    client.on('state', ({ previous, current, reason }: StateChange) => {
      expect(inside).toBe(false);
      seen.push([previous, current, reason]);
    });
    inside = true;
    const connecting = client.connect();
    inside = false;
    await connecting;
    await peer.link();
    inside = true;
    const closing = client.close();
    inside = false;
    await closing;
    expect(seen).toEqual([
      ['idle', 'connecting', 'connect'],
      ['connecting', 'open', 'opened'],
      ['open', 'closed', 'close'],
    ]);
  });

  it('REQ-CONN-08 a listener that raises disturbs nobody and is logged once each time', async () => {
    const { client, log } = await stage();
    const seen: string[] = [];
    client.on('state', () => {
      throw new RangeError('secret');
    });
    client.on('state', async () => {
      throw new TypeError('secret');
    });
    client.on('state', ({ current }) => seen.push(current));
    await client.connect();
    await settled();
    expect(seen).toEqual(['connecting', 'open']);
    const errors = log.filter((line) => line.startsWith('error'));
    expect(errors).toHaveLength(4);
    expect(errors.join()).not.toContain('secret');
  });

  it('REQ-CONN-08 a frame tap that raises is removed', async () => {
    const { client, link, log } = await connected();
    let calls = 0;
    client.on('frame', () => {
      calls += 1;
      throw new Error('tap');
    });
    link.send({ type: 'x' }, { type: 'y' });
    await until('the tap is logged', () => log.some((line) => line.startsWith('error')));
    await expectSilence({ client, link } as never);
    expect(calls).toBe(1);
  });

  it('REQ-LOG-02 the tap sees every frame, both ways, with its text only when asked', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const bare: FrameInfo[] = [];
    const full: FrameInfo[] = [];
    client.on('frame', (frame) => bare.push(frame));
    client.on('frame', (frame) => full.push(frame), { text: true });
    const made = client.createConversationSession({ agentId: 'a' });
    await grant(link);
    await made;
    link.text('no json');
    link.send(token('r', 'é'));
    await until('four frames', () => full.length === 4);
    expect(bare.map(({ direction, type, requestId }) => [direction, type, requestId])).toEqual([
      ['out', 'create_conversation_session', 'req-1'],
      ['in', 'immediate_response', 'req-1'],
      ['in', undefined, undefined],
      ['in', 'stream_token', 'r'],
    ]);
    expect(bare.some((frame) => 'text' in frame)).toBe(false);
    expect(full[3]).toMatchObject({ at: 0, bytes: Buffer.byteLength(full[3]?.text ?? '') });
  });

  it('REQ-WIRE-12 frames that nobody owns go to the event listeners, keepalive to the tap alone', async () => {
    const { client, link } = await connected();
    const seen: string[] = [];
    client.on('event', (event) => seen.push(event.type));
    const keepalive = { type: 'keepalive', data: { requestId: 'nobody' } };
    const error = { code: 'X', message: 'm' };
    link.send(
      keepalive,
      token('nobody', 'x'),
      { type: 'error', error, data: { error } },
      { type: 'zzz' },
    );
    await until('three events', () => seen.length === 3);
    expect(seen).toEqual(['stream_token', 'error', 'unknown']);
    expect(client.state).toBe('open');
  });

  it('on() gives a function that stops a listener, off() stops it too', async () => {
    const { client, link } = await connected();
    const seen: string[] = [];
    const first = (): unknown => seen.push('first');
    const stop = client.on('event', () => seen.push('second'));
    client.on('event', first);
    link.send({ type: 'a' });
    await until('both', () => seen.length === 2);
    stop();
    client.off('event', first);
    link.send({ type: 'b' });
    await expectSilence({ client, link } as never);
    expect(seen).toEqual(['second', 'first']);
    expect(() => client.on('event', 5 as never)).toThrow(TypeError);
  });

  it('REQ-CONN-05 no listener runs after close() has returned', async () => {
    const { client, link } = await connected();
    let closed = false;
    client.on('event', () => expect(closed).toBe(false));
    client.on('frame', () => expect(closed).toBe(false));
    link.send(token('a', '1'), response('b', {}));
    await client.close();
    closed = true;
    await settled();
  });
});
