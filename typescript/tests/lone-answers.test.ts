// Answers by ids, of turns that this client does not follow.
import { describe, expect, it } from 'vitest';
import { within } from './peer';
import { connected, final, response, SESSION, token } from './setup';

const IDS = { requestId: 'req-old', sessionId: SESSION };

describe('a lone answer', () => {
  it('REQ-VERB-15 hands out the turn that the server goes on with', async () => {
    const { client, link } = await connected();
    const confirmed = client.confirmToolAction({ ...IDS, approved: true });
    await link.recv();
    link.send(response('req-old', {}, 202), token('req-old', 'do'), token('req-old', 'ne'));
    const { turn } = await within('the confirm', confirmed);
    expect(turn).toMatchObject({ ...IDS, state: 'running' });
    expect(client.turn('req-old')?.state).toBe('running');
    link.send(final('req-old', 'done'));
    const seen: string[] = [];
    for await (const event of turn ?? []) seen.push(event.type);
    expect(seen).toEqual(['stream_token', 'stream_token', 'eventual_response']);
    expect((await turn)?.text).toBe('done');
    expect(client.turn('req-old')).toBeUndefined();
  });

  it('REQ-VERB-15 submitted values may begin a turn too; it ends with the link', async () => {
    const { client, link } = await connected();
    const submitted = client.submitInteraction({ ...IDS, interactionId: 'i', values: {} });
    await link.recv();
    link.send(response('req-old', {}, 202));
    const result = await within('the submit', submitted);
    if (!result.accepted || !result.turn) throw new Error('no turn began');
    link.drop();
    const lost = within('the loss', result.turn.result());
    await expect(lost).rejects.toMatchObject({ kind: 'turn_interrupted', requestId: 'req-old' });
  });

  it('REQ-VERB-15 a 202 behind another frame of the id acknowledges nothing', async () => {
    const { client, link } = await connected();
    const confirmed = client.confirmToolAction({ ...IDS, approved: true });
    await link.recv();
    link.send(token('req-old', 'x'), response('req-old', {}, 202), response('req-old', {}));
    expect(await within('the confirm', confirmed)).toEqual({});
  });

  it('REQ-VERB-15 a code that is checked begins no turn', async () => {
    const { client, link } = await connected();
    const checked = client.verifyOtp({ ...IDS, code: '1' });
    await link.recv();
    const data = { requestId: 'req-old', data: { message: 'm' } };
    link.send(response('req-old', {}, 202), { type: 'otp_verified', requestId: 'req-old', data });
    expect(await within('the check', checked)).toMatchObject({ verified: true });
  });
});
