// A limit that fires after a stall lets be read first what has arrived.
import { describe, expect, it } from 'vitest';
import { within } from './peer';
import { connected, final, response, running } from './setup';

const LIMIT_MS = 40;

/** Holds the loop of the program until every limit is over. */
function hold(): void {
  const until = performance.now() + 3 * LIMIT_MS;
  while (performance.now() < until);
}

describe('limits after a stall', () => {
  it('REQ-TIME-02 the answer to a call that lies in the socket goes before its limit', async () => {
    const { client, link } = await connected({ clock: undefined, requestTimeoutMs: LIMIT_MS });
    const asked = client.getSession({ sessionId: 's' });
    const { requestId } = await link.recv();
    link.send(response(requestId as string, {}, 400));
    hold();
    await expect(within('the answer', asked)).rejects.toMatchObject({ kind: 'protocol' });
  });

  it('REQ-TIME-02 frames of a turn that lie in the socket go before its limits', async () => {
    const times = { turnIdleTimeoutMs: LIMIT_MS, turnTimeoutMs: LIMIT_MS };
    const stage = await connected({ clock: undefined, ...times });
    const { turn, requestId } = await running(stage);
    stage.link.send(final(requestId));
    hold();
    expect((await within('the end', turn())).text).toBe('done');
  });

  it('REQ-TIME-02 a limit that nothing came before ends the wait', async () => {
    const { client, link } = await connected({ clock: undefined, requestTimeoutMs: LIMIT_MS });
    const asked = client.ping();
    await link.recv();
    hold();
    await expect(within('the limit', asked)).rejects.toMatchObject({ kind: 'request_timeout' });
  });
});
