import { describe, expect, it } from 'vitest';
import { NoPendingQuestionError, type Turn } from '../src/index';
import type { Frame } from './peer';
import {
  confirmation,
  connected,
  expectSilence,
  failure,
  final,
  grant,
  type OpenStage,
  question,
  rejection,
  response,
  running,
  SESSION,
  token,
  until,
} from './setup';

interface Asking extends OpenStage {
  readonly turn: () => Turn;
  readonly requestId: string;
}

/** A running turn after some frames of the peer. */
async function asking(
  frames: (requestId: string) => object[],
  options = {},
  capabilities?: string[],
): Promise<Asking> {
  const stageOf = await connected(options);
  const made = stageOf.client.createConversationSession({ agentId: 'a' });
  await grant(stageOf.link, capabilities);
  await made;
  const { turn, requestId } = await running(stageOf);
  const sent = frames(requestId);
  stageOf.link.send(...sent);
  await until('the frames', () => turn().items.length === sent.length);
  return { ...stageOf, turn, requestId };
}

const otpRequired = (requestId: string, top: object = {}): Frame =>
  question(
    'otp_verification_required',
    requestId,
    { toolId: 't', actionDescription: 'Pay', availableChannels: ['sms'], authLevel: 'high' },
    top,
  );
const otpSent = (requestId: string): Frame =>
  question('otp_sent', requestId, { channel: 'sms', maskedDestination: '**5' });
const otpVerified = (requestId: string): Frame =>
  question('otp_verified', requestId, { message: 'thanks' });
const otpInvalid = (requestId: string, attemptsRemaining: number): Frame =>
  question('otp_invalid', requestId, { error: 'INVALID_CODE', attemptsRemaining, message: 'no' });
const form = (requestId: string, kind = 'identity_intake'): Frame =>
  question('interaction_required', requestId, {
    interactionId: 'i-1',
    kind,
    spec: { fields: [] },
    reason: 'r',
  });
const formInvalid = (requestId: string): Frame =>
  question('interaction_invalid', requestId, {
    interactionId: 'i-1',
    kind: 'identity_intake',
    errors: [{ field: 'email', message: 'bad' }],
    message: 'fix it',
  });

describe('confirm', () => {
  it.each([true, false])(
    'REQ-VERB-02 REQ-VERB-09 sends approved %s; the turn goes on',
    async (approved) => {
      const { turn, link, requestId } = await asking((id) => [confirmation(id)]);
      const asked = turn().question('confirmation');
      expect(asked?.event.actionDescription).toBe('Pay 5');
      const done = turn().confirm(approved);
      const ids = { requestId, sessionId: SESSION };
      expect(await link.recv()).toEqual({ action: 'confirm_tool_action', ...ids, approved });
      link.send(response(requestId, {}));
      expect(await done).toBeUndefined();
      link.send(final(requestId));
      expect((await turn()).outcome).toBe('completed');
    },
  );

  it('REQ-VERB-02 echoes the confirmationId of the question', async () => {
    const { turn, link } = await asking((id) => [confirmation(id, { confirmationId: 'c-9' })]);
    void turn().confirm(true);
    expect((await link.recv()).confirmationId).toBe('c-9');
  });

  it('REQ-VERB-05 REQ-VERB-01 a second answer and one without a question send nothing', async () => {
    const stageOf = await asking((id) => [confirmation(id)]);
    const { turn, link, requestId } = stageOf;
    const first = turn().confirm(true);
    await link.recv();
    expect(await rejection(turn().confirm(false))).toMatchObject({ kind: 'already_answered' });
    link.send(response(requestId, {}));
    await first;
    expect(await rejection(turn().confirm(true))).toMatchObject({ kind: 'already_answered' });
    const none = await rejection(turn().verifyOtp('1'));
    expect(none).toBeInstanceOf(NoPendingQuestionError);
    expect(none).toMatchObject({ kind: 'conflict', code: undefined });
    expect(await rejection(turn().submit({}))).toMatchObject({ kind: 'conflict' });
    await expectSilence(stageOf);
  });

  it('REQ-VERB-03 NO_PENDING_CONFIRMATION fails the verb, closes the question, spares the turn', async () => {
    const { turn, link, requestId } = await asking((id) => [confirmation(id)]);
    const done = rejection(turn().confirm(true));
    await link.recv();
    link.send(failure(requestId, 'NO_PENDING_CONFIRMATION'));
    expect(await done).toMatchObject({ code: 'NO_PENDING_CONFIRMATION', kind: 'conflict' });
    expect(turn().state).toBe('running');
    expect(await rejection(turn().confirm(true))).toMatchObject({
      kind: 'conflict',
      code: undefined,
    });
  });

  it('REQ-TURN-07 REQ-VERB-03 a code that a verb explains fails the verb and opens the question again', async () => {
    const { turn, link, requestId } = await asking((id) => [confirmation(id)]);
    const done = rejection(turn().confirm(true));
    await link.recv();
    link.send(failure(requestId, 'VALIDATION_ERROR'));
    expect(await done).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(turn().state).toBe('running');
    expect(turn().question('confirmation')).toBeDefined();
  });

  it('REQ-VERB-04 requestTimeout fails the verb; the turn lives, the question stays answered', async () => {
    const { turn, link, clock } = await asking((id) => [confirmation(id)]);
    const done = rejection(turn().confirm(true));
    await link.recv();
    await clock.advance(30_000);
    expect(await done).toMatchObject({ kind: 'request_timeout' });
    expect(turn().state).toBe('running');
    expect(await rejection(turn().confirm(true))).toMatchObject({ kind: 'already_answered' });
  });

  it('REQ-VERB-06 settlement fails outstanding verbs, with the error of the turn if it has one', async () => {
    for (const [end, expected] of [
      [final, { kind: 'conflict', code: undefined }],
      [(id: string) => failure(id, 'AGENT_ERROR'), { code: 'AGENT_ERROR' }],
    ] as const) {
      const { turn, link, requestId } = await asking((id) => [confirmation(id), form(id)]);
      void turn().result();
      const verbs = [rejection(turn().confirm(true)), rejection(turn().submit({}))];
      await link.recv();
      await link.recv();
      link.send(end(requestId));
      expect(await Promise.all(verbs)).toMatchObject([expected, expected]);
    }
  });

  it('REQ-VERB-07 an abort ends the wait alone', async () => {
    const stageOf = await asking((id) => [confirmation(id)]);
    const { turn, link } = stageOf;
    const abort = new AbortController();
    const done = rejection(turn().confirm(true, { signal: abort.signal }));
    await link.recv();
    abort.abort(new Error('mine'));
    expect((await done).message).toBe('mine');
    await expectSilence(stageOf);
    expect(turn().state).toBe('running');
    expect(await rejection(turn().confirm(true))).toMatchObject({ kind: 'already_answered' });
  });

  it('REQ-VERB-10 a token shows that a question without a duration has lapsed', async () => {
    const { turn, link, requestId } = await asking((id) => [confirmation(id), form(id)]);
    link.send(token(requestId, 'x'));
    await until('the token', () => turn().items.length === 3);
    expect([turn().question('confirmation'), turn().question('interaction')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('REQ-VERB-10 with a duration only what comes after it shows that', async () => {
    const { turn, link, requestId, clock } = await asking((id) => [
      confirmation(id, { expiresAt: 5_000 }, { timestamp: 0 }),
    ]);
    link.send(token(requestId, 'x'));
    await until('the token', () => turn().items.length === 2);
    expect(turn().question('confirmation')?.durationMs).toBe(5_000);
    await clock.advance(5_000);
    const state = { rawResponse: { toolResult: { name: 'pay' } } };
    link.send({ type: 'stream_chunk', requestId, data: { requestId, node: 'n', state } });
    await until('the chunk', () => turn().items.length === 3);
    expect(turn().question('confirmation')).toBeUndefined();
  });

  it('REQ-ERR-05 a wrong argument is a TypeError', async () => {
    const { turn } = await asking((id) => [confirmation(id), form(id)]);
    expect(await rejection(turn().confirm('yes' as never))).toBeInstanceOf(TypeError);
    expect(await rejection(turn().submit(5 as never))).toBeInstanceOf(TypeError);
    expect(await rejection(turn().verifyOtp(5 as never))).toBeInstanceOf(TypeError);
    expect(await rejection(turn().decline('x' as never))).toBeInstanceOf(TypeError);
    expect(turn().question('confirmation')).toBeDefined();
  });
});

describe('one-time codes', () => {
  it('REQ-OTP-01 REQ-OTP-02 a wrong code is a result and opens the question again', async () => {
    const { turn, link, requestId } = await asking((id) => [otpRequired(id), otpSent(id)]);
    expect(turn().question('otp')?.event.type).toBe('otp_sent');
    const wrong = turn().verifyOtp('007');
    const ids = { requestId, sessionId: SESSION };
    expect(await link.recv()).toEqual({ action: 'verify_otp', ...ids, code: '007' });
    link.send(otpInvalid(requestId, 2));
    expect(await wrong).toEqual({
      verified: false,
      attemptsRemaining: 2,
      error: 'INVALID_CODE',
      message: 'no',
    });
    const right = turn().verifyOtp('123');
    link.send(otpVerified(requestId));
    expect(await right).toEqual({ verified: true, message: 'thanks' });
    expect(turn().question('otp')).toBeUndefined();
  });

  it('REQ-OTP-02 no attempts left closes the question; OTP_SEND_FAILED leaves it open', async () => {
    const { turn, link, requestId } = await asking((id) => [
      otpRequired(id),
      failure(id, 'OTP_SEND_FAILED'),
    ]);
    expect(turn().question('otp')).toBeDefined();
    const last = turn().verifyOtp('1');
    link.send(otpInvalid(requestId, 0));
    expect((await last).attemptsRemaining).toBe(0);
    expect(await rejection(turn().verifyOtp('1'))).toMatchObject({ kind: 'conflict' });
  });

  it('REQ-OTP-03 REQ-VERB-06 the question outlives its turn, a check goes on over its end', async () => {
    const stageOf = await asking((id) => [otpRequired(id)]);
    const { client, turn, link, requestId } = stageOf;
    const check = turn().verifyOtp('1');
    await link.recv();
    link.send(final(requestId));
    await turn();
    link.send(otpInvalid(requestId, 1));
    expect((await check).verified).toBe(false);
    const again = client.verifyOtp({ requestId, sessionId: SESSION, code: '2' });
    expect((await link.recv()).code).toBe('2');
    link.send(otpVerified(requestId));
    expect(await again).toEqual({ verified: true, message: 'thanks' });
  });

  it('REQ-OTP-03 the next send of the session closes it', async () => {
    const stageOf = await asking((id) => [otpRequired(id)]);
    const { client, turn, link, requestId } = stageOf;
    link.send(final(requestId));
    await turn();
    client.sendMessage({ sessionId: SESSION, message: 'again' }).detach();
    await link.recv();
    expect(await rejection(turn().verifyOtp('1'))).toMatchObject({ kind: 'conflict' });
  });

  it('REQ-VERB-06 a lost link fails a check of a settled turn', async () => {
    const { turn, link, requestId } = await asking((id) => [otpRequired(id)]);
    const check = rejection(turn().verifyOtp('1'));
    await link.recv();
    link.send(final(requestId));
    await turn();
    link.drop();
    expect(await check).toMatchObject({ kind: 'connection_lost', closeCode: 1006 });
  });

  it('REQ-OTP-04 toward a server that parks, events after otp_verified belong to the turn', async () => {
    const { turn, link, requestId } = await asking((id) => [otpRequired(id)], {}, ['otp_park']);
    const check = turn().verifyOtp('1');
    await link.recv();
    link.send(otpVerified(requestId), token(requestId, 'paid'), final(requestId, 'paid'));
    expect((await check).verified).toBe(true);
    expect((await turn()).text).toBe('paid');
  });

  it('REQ-OTP-05 a code is declined only toward a server that lists otp_park', async () => {
    const plain = await asking((id) => [otpRequired(id)]);
    expect(await rejection(plain.turn().decline('otp'))).toMatchObject({ kind: 'unsupported' });
    await expectSilence(plain);
    const { turn, link, requestId } = await asking((id) => [otpRequired(id)], {}, ['otp_park']);
    const done = turn().decline('otp');
    const ids = { requestId, sessionId: SESSION };
    expect(await link.recv()).toEqual({ action: 'verify_otp', ...ids, declined: true });
    link.send(response(requestId, { declined: true }));
    expect(await done).toBeUndefined();
    expect(turn().question('otp')).toBeUndefined();
  });

  it('REQ-OTP-06 REQ-ERR-04 a code is in no log and no error', async () => {
    const { turn, link, requestId, log } = await asking((id) => [otpRequired(id)], {
      logPayloads: true,
    });
    const check = rejection(turn().verifyOtp('918273'));
    await link.recv();
    link.send(failure(requestId, 'VALIDATION_ERROR'));
    const error = await check;
    expect(`${log.join()}${error.message}${JSON.stringify(error)}`).not.toContain('918273');
  });
});

describe('interactions', () => {
  it('REQ-FORM-01 field errors are a result, after which the question is open again', async () => {
    const { turn, link, requestId } = await asking((id) => [form(id)]);
    const first = turn().submit({ email: 'x' });
    expect(await link.recv()).toEqual({
      action: 'submit_interaction',
      requestId,
      sessionId: SESSION,
      interactionId: 'i-1',
      kind: 'identity_intake',
      values: { email: 'x' },
    });
    link.send(formInvalid(requestId));
    const errors = [{ field: 'email', message: 'bad' }];
    expect(await first).toEqual({ accepted: false, errors, message: 'fix it' });
    const second = turn().submit({ email: 'a@b' });
    await link.recv();
    link.send(response(requestId, {}));
    expect(await second).toEqual({ accepted: true });
  });

  it('REQ-FORM-01 declining sends declined and no values', async () => {
    const { turn, link, requestId } = await asking((id) => [form(id)]);
    const done = turn().decline('interaction');
    const frame = await link.recv();
    expect([frame.declined, 'values' in frame]).toEqual([true, false]);
    link.send(response(requestId, {}));
    expect(await done).toEqual({ accepted: true });
  });

  it('REQ-FORM-02 a mismatch opens the question again, NO_PENDING_INTERACTION closes it', async () => {
    const { turn, link, requestId } = await asking((id) => [form(id)]);
    const first = rejection(turn().submit({}));
    await link.recv();
    link.send(failure(requestId, 'INTERACTION_MISMATCH'));
    expect(await first).toMatchObject({ code: 'INTERACTION_MISMATCH' });
    const second = rejection(turn().submit({}));
    await link.recv();
    link.send(failure(requestId, 'NO_PENDING_INTERACTION'));
    expect(await second).toMatchObject({ code: 'NO_PENDING_INTERACTION' });
    expect(await rejection(turn().submit({}))).toMatchObject({ kind: 'conflict', code: undefined });
    expect(turn().state).toBe('running');
  });

  it('REQ-FORM-03 an unknown kind comes with its raw spec', async () => {
    const { turn } = await asking((id) => [form(id, 'signature')]);
    expect(turn().question('interaction')?.event).toMatchObject({
      kind: 'signature',
      spec: { fields: [] },
    });
  });
});

describe('verbs of the client', () => {
  it('REQ-VERB-08 act on the live turn of the id', async () => {
    const { client, link, requestId } = await asking((id) => [
      confirmation(id, { confirmationId: 'c' }),
      otpRequired(id),
      form(id),
    ]);
    const ids = { requestId, sessionId: SESSION };
    const confirmed = client.confirmToolAction({ ...ids, approved: true });
    expect((await link.recv()).confirmationId).toBe('c');
    const checked = client.verifyOtp({ ...ids, code: '1' });
    expect((await link.recv()).code).toBe('1');
    const submitted = client.submitInteraction({ ...ids, interactionId: 'i-1', values: {} });
    expect((await link.recv()).interactionId).toBe('i-1');
    link.send(response(requestId, {}), response(requestId, {}), otpVerified(requestId));
    await Promise.all([confirmed, checked, submitted]);
    const stopped = client.cancel(ids);
    expect(await link.recv()).toEqual({ action: 'cancel', ...ids });
    link.send(final(requestId));
    await stopped;
  });

  it('REQ-VERB-08 without a live turn they are calls that await the same answers', async () => {
    const stageOf = await connected();
    const { client, link } = stageOf;
    const pushed: string[] = [];
    client.on('event', (event) => pushed.push(event.type));
    const ids = { requestId: 'elsewhere', sessionId: SESSION };
    const confirmed = client.confirmToolAction({ ...ids, approved: false });
    expect(await link.recv()).toEqual({ action: 'confirm_tool_action', ...ids, approved: false });
    link.send(token('elsewhere', 'x'), response('elsewhere', {}, 202), response('elsewhere', {}));
    expect(await confirmed).toEqual({});
    const submitted = client.submitInteraction({ ...ids, interactionId: 'i', declined: true });
    await link.recv();
    link.send(formInvalid('elsewhere'));
    expect(await submitted).toMatchObject({ accepted: false });
    const checked = rejection(client.verifyOtp({ ...ids, code: '1' }));
    await link.recv();
    link.send(failure('elsewhere', 'SESSION_NOT_FOUND'));
    expect(await checked).toMatchObject({ code: 'SESSION_NOT_FOUND' });
    await client.cancel(ids);
    expect(await link.recv()).toEqual({ action: 'cancel', ...ids });
    expect(pushed).toEqual(['stream_token', 'immediate_response']);
  });

  it('REQ-VERB-08 REQ-OTP-05 refuse what cannot be', async () => {
    const stageOf = await connected();
    const { client } = stageOf;
    const ids = { requestId: 'r', sessionId: SESSION };
    expect(await rejection(client.verifyOtp(ids))).toBeInstanceOf(TypeError);
    expect(await rejection(client.verifyOtp({ ...ids, declined: true }))).toMatchObject({
      kind: 'unsupported',
    });
    await expectSilence(stageOf);
    await client.close();
    expect(await rejection(client.cancel(ids))).toMatchObject({ kind: 'not_connected' });
  });
});
