// Handlers of questions: what no frame shows of them. The cases of conformance/ hold the rest.
import { describe, expect, it } from 'vitest';
import {
  type ClientOptions,
  type ConfirmAsk,
  HandlerError,
  type Handlers,
  type HandlerSignal,
  SmoothAgentClient,
} from '../src/index';
import { within } from './peer';
import {
  AGENT,
  confirmation,
  connected,
  failure,
  final,
  grant,
  question,
  rejection,
  response,
  running,
  SESSION,
  settled,
  until,
} from './setup';

/** A client whose running turn is asked for a confirmation. */
async function asked(confirm: Handlers['confirm'], options: Partial<ClientOptions> = {}) {
  const opened = await connected({ handlers: { confirm }, ...options });
  const talk = await running(opened);
  opened.link.send(confirmation(talk.requestId));
  return { ...opened, ...talk };
}

/** A promise and what settles it. */
function later<T>(): { readonly promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('a handler', () => {
  it('REQ-ASK-02 is asked beside the reading, with the ids and a signal', async () => {
    const seen: ConfirmAsk[] = [];
    const { link, turn, requestId } = await asked((ask, signal) => {
      seen.push(ask);
      expect(signal).toBe(ask.signal);
      return true;
    });
    const frame = await link.recv();
    expect([frame.action, frame.approved]).toEqual(['confirm_tool_action', true]);
    link.send(final(requestId));
    expect((await turn()).outcome).toBe('completed');
    const [ask] = seen;
    expect(ask).toMatchObject({ requestId, sessionId: SESSION, toolId: 'pay' });
    expect(ask?.event.type).toBe('write_confirmation_required');
    expect(turn().items.map((event) => turn().handled(event))).toEqual([true, false]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('no such till'))],
    ['gives 1', () => 1 as never],
    ['gives "true"', () => 'true' as never],
    ['gives nothing', () => undefined as never],
  ] as const)('REQ-ASK-07 that %s denies, and its turn fails', async (_, confirm) => {
    const { link, turn } = await asked(confirm);
    expect((await link.recv()).approved).toBe(false);
    expect((await link.recv()).action).toBe('cancel');
    const error = await rejection(turn());
    expect(error).toBeInstanceOf(HandlerError);
    expect(error).toMatchObject({ kind: 'handler_failed', question: 'confirmation' });
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.message).not.toContain('till');
  });

  it('REQ-ASK-07 that takes too long has the timeout as its cause', async () => {
    const signals: HandlerSignal[] = [];
    const hangs = (_: ConfirmAsk, signal: HandlerSignal): Promise<boolean> => {
      signals.push(signal);
      return later<boolean>().promise;
    };
    const { clock, turn } = await asked(hangs, { handlerTimeoutMs: 3_000, closeTimeoutMs: 100 });
    await until('the call', () => signals.length === 1);
    await clock.advance(3_000);
    const error = await rejection(turn());
    expect((error.cause as Error).name).toBe('TimeoutError');
    expect(signals[0]?.aborted).toBe(true);
  });

  it('REQ-ASK-06 that heeds no signal changes nothing any more, and holds up nobody', async () => {
    const given = later<boolean>();
    const calls: string[] = [];
    const { link, turn, requestId, log } = await asked(({ toolId }) => {
      calls.push(toolId);
      return calls.length === 1 ? given.promise : true;
    });
    await until('the call', () => calls.length === 1);
    void turn().confirm(false);
    expect((await link.recv()).approved).toBe(false);
    link.send(confirmation(requestId, { toolId: 'other' }));
    expect((await link.recv()).approved).toBe(true);
    given.resolve(true);
    await settled();
    expect(link.frames.length).toBe(0);
    link.send(final(requestId));
    expect((await turn()).outcome).toBe('completed');
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('REQ-ASK-06 REQ-CONN-05 is waited for by close, inside its limit', async () => {
    const given = later<boolean>();
    let called = false;
    const { client, clock, turn } = await asked(() => {
      called = true;
      return given.promise;
    });
    await until('the call', () => called);
    let closed = false;
    const closing = client.close().then(() => {
      closed = true;
    });
    const error = await rejection(turn());
    expect(error.kind).toBe('client_closed');
    await clock.advance(1);
    expect(closed).toBe(false);
    given.resolve(true);
    await within('close', closing);
    expect(clock.timers).toBe(0);
  });

  it('REQ-ASK-06 may close its client', async () => {
    let client: SmoothAgentClient | undefined;
    const { turn, client: made } = await asked(async () => {
      void client?.close();
      return true;
    });
    client = made;
    expect((await rejection(turn())).kind).toBe('client_closed');
    await until('closed', () => made.state === 'closed');
  });

  it('REQ-ERR-04 REQ-ASK-07 that fails too late is one line of the log, without its text', async () => {
    const given = later<boolean>();
    let called = false;
    const late = async (): Promise<boolean> => {
      called = true;
      await given.promise;
      throw new RangeError('no such till');
    };
    const { link, turn, requestId, log } = await asked(late);
    await until('the call', () => called);
    link.send(final(requestId));
    await within('the end', turn());
    given.resolve(true);
    const warnings = (): string[] => log.filter((line) => line.startsWith('warn'));
    await until('the line', () => warnings().length > 0);
    expect(warnings()).toEqual([`warn a handler of %s failed: %s ${requestId} RangeError`]);
  });

  it('REQ-ASK-10 that is missing is told once, where nobody iterates the turn', async () => {
    const opened = await connected();
    const { requestId } = await running(opened);
    const looked = await running(opened);
    const events = looked.turn().events();
    opened.link.send(confirmation(requestId), confirmation(looked.requestId));
    await within('the question', events.next());
    await opened.clock.advance(10_000);
    const warnings = opened.log.filter((line) => line.startsWith('warn'));
    expect(warnings).toEqual([expect.stringMatching(`confirmation ${requestId}$`)]);
  });

  it('REQ-ASK-11 of a code lets its turn wait for it, and go on under another id', async () => {
    const given = later<string>();
    const opened = await connected({ handlers: { otp: () => given.promise } });
    const { link, client } = opened;
    const { turn, requestId } = await running(opened);
    const sent = { channel: 'sms', maskedDestination: '*12' };
    link.send(
      question('otp_verification_required', requestId, {
        ...{ toolId: 'pay', actionDescription: 'Pay', availableChannels: ['sms'] },
        authLevel: 'high',
      }),
      question('otp_sent', requestId, sent),
      final(requestId, 'give the code'),
    );
    await until('the answer', () => turn().items.length === 3);
    expect([turn().state, client.counters.openTurns]).toEqual(['running', 1]);
    given.resolve('123456');
    expect((await link.recv()).code).toBe('123456');
    link.send(question('otp_verified', requestId, { message: 'ok' }));
    const again = await link.recv();
    expect(again).toMatchObject({ action: 'send_message', message: 'hello' });
    expect(again.requestId).not.toBe(requestId);
    expect(turn().requestId).toBe(again.requestId);
    link.send(response(turn().requestId, {}, 202), final(turn().requestId, 'paid'));
    const { text, requestId: last } = await within('the end', turn());
    expect([text, last]).toEqual(['paid', again.requestId]);
  });

  it('REQ-CALL-07 REQ-ASK-01 of an interaction is a word of the sessions that may ask it', async () => {
    const interaction = { identity_intake: () => null, own_kind: () => null };
    const { client, link } = await connected({ handlers: { interaction } });
    const own = { interaction: { choices: () => null } };
    const chat = client.startConversation({ agentId: AGENT }, { handlers: own });
    const { supports } = await grant(link);
    expect(supports).toEqual(expect.arrayContaining(['choice_chips', 'identity_form']));
    await chat;
    client.createConversationSession({ agentId: AGENT }).catch(() => {});
    expect((await grant(link)).supports).not.toContain('choice_chips');
  });

  it.each([
    ['no object', null],
    ['no function', { confirm: true }],
    ['no function by kind', { interaction: { choices: {} } }],
    ['no kinds', { interaction: 1 }],
    ['a name that is none', { confirmation: () => true }],
  ])('REQ-ASK-01 %s is refused where it is written', async (_, wrong) => {
    const handlers = wrong as unknown as Handlers;
    expect(() => new SmoothAgentClient({ url: 'ws://h/', handlers })).toThrow(TypeError);
    const { client } = await connected();
    const send = (): unknown =>
      client.sendMessage({ sessionId: SESSION, message: 'x' }, { handlers });
    expect(send).toThrow(TypeError);
    const start = client.startConversation({ agentId: AGENT }, { handlers });
    expect(await rejection(start)).toBeInstanceOf(TypeError);
  });
});

describe('turnPolicy', () => {
  it('REQ-TURN-31 queue lets messages of a session wait for each other', async () => {
    const opened = await connected({ turnPolicy: 'queue' });
    const first = await running(opened);
    const second = opened.client.sendMessage({ sessionId: SESSION, message: 'second' });
    await settled();
    expect([second.state, opened.link.frames.length]).toEqual(['sent', 0]);
    opened.link.send(failure(first.requestId, 'INTERNAL_ERROR'));
    expect((await rejection(first.turn())).kind).toBe('server_error');
    expect((await opened.link.recv()).message).toBe('second');
    opened.link.send(final(second.requestId));
    expect((await second).outcome).toBe('completed');
  });

  it('REQ-TURN-32 a message that comes a moment too early is sent again, once', async () => {
    const opened = await connected();
    const first = await running(opened);
    opened.link.send(final(first.requestId));
    await first.turn();
    const second = opened.client.sendMessage({ sessionId: SESSION, message: 'second' });
    const { requestId } = await opened.link.recv();
    opened.link.send(failure(requestId as string, 'TURN_IN_PROGRESS'));
    await settled();
    await settled();
    await opened.clock.advance(250);
    const again = await opened.link.recv();
    expect(again.requestId).not.toBe(requestId);
    opened.link.send(failure(again.requestId as string, 'TURN_IN_PROGRESS'));
    expect((await rejection(second)).code).toBe('TURN_IN_PROGRESS');
    expect(opened.clock.timers).toBe(1);
  });
});
