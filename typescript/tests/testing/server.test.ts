// What a test sees of a fake server, and does with it.
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ClientOptions,
  type SmoothAgentClient,
  SmoothAgentError,
  TurnInterruptedError,
} from '../../src/index';
import { FakeServer, type FakeServerOptions, ScriptError } from '../../src/testing/index';

const agentId = '00000000-0000-4000-8000-0000000000a1';
const servers: FakeServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function serve(options: FakeServerOptions = {}): FakeServer {
  const server = new FakeServer(options);
  servers.push(server);
  return server;
}

const kindOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => 'nothing',
    (error) => (SmoothAgentError.is(error) ? (error.code ?? error.kind) : error.message),
  );

const errorOf = (promise: PromiseLike<unknown>): Promise<SmoothAgentError> =>
  Promise.resolve(promise).then(undefined, (error) => error) as never;

describe('a fake server', () => {
  it('runs the example of the package as it is written', async () => {
    const srv = new FakeServer({ replay: false }); // by default a cut turn resumes
    srv.onMessage('refund').confirm('refund order 7').cut(1006);
    await expect(
      (await srv.connectClient().startConversation({ agentId })).ask('refund'),
    ).rejects.toThrow(TurnInterruptedError);
    await srv.clock.advance(1_000);
    expect(srv.connections).toBe(2); // reconnected without a real second passing
    servers.push(srv);
  });

  it('gives the same frames in two runs', async () => {
    const run = async (): Promise<string> => {
      const server = serve({ seed: 7 });
      server.onMessage().tokens('a', 'b').finish();
      const client = server.client();
      const seen: string[] = [];
      client.on('frame', ({ text = '' }) => seen.push(text), { text: true });
      await (await client.startConversation({ agentId })).ask('hello');
      return seen.join('\n');
    };
    const first = await run();
    expect(first).toContain('00000000-0000-4000-8000-000000000001');
    expect(await run()).toBe(first);
  });

  it('resumes a turn that was cut, and shows nothing twice', async () => {
    const server = serve();
    server.onMessage().tokens('a').cut().tokens('b').finish();
    const chat = await server.conversation();
    const turn = chat.send('hello');
    await server.clock.advance(1_000);
    expect([(await turn).text, server.connections]).toEqual(['ab', 2]);
    expect(server.sent('resume_turn')).toHaveLength(1);
  });

  it('reads an answer to a question over the next link', async () => {
    const server = serve();
    server.onMessage().confirm('pay').cut().tokens('paid').finish();
    const chat = await server.conversation({ handlers: { confirm: () => true } });
    const turn = chat.send('hello');
    await server.clock.advance(1_000);
    expect([(await turn).text, server.connections]).toEqual(['paid', 2]);
  });

  it('ends a turn that nobody comes back to, and keeps a message for one running turn', async () => {
    const server = serve();
    server.onMessage().tokens('a');
    const client = server.client({ autoReconnect: false });
    const chat = await client.startConversation({ agentId });
    chat.send('hello');
    expect(await kindOf(chat.ask('again'))).toBe('TURN_IN_PROGRESS');
    server.disconnect(1012);
    await server.clock.advance(0);
    expect([server.openConnections, client.state]).toEqual([0, 'closed']);
    expect(server.messages(chat.sessionId)).toMatchObject([
      { direction: 'inbound', content: { text: 'hello' }, turn: 'failed' },
    ]);
  });

  it('answers calls of every kind', async () => {
    const server = serve({ agentName: 'Aria' });
    server.onMessage().finish('hi');
    const client = server.client();
    const chat = await client.startConversation({ agentId, userName: 'Ada' });
    for (const text of ['one', 'two']) await chat.ask(text);
    const { sessionId, conversationId } = chat;
    expect(await client.getSession({ sessionId })).toMatchObject({ agentName: 'Aria' });
    const title = 'Greetings';
    await client.renameConversation({ conversationId, title });
    expect(await client.listConversations()).toMatchObject({
      conversations: [{ conversationId, title, messageCount: 4 }],
      hasMore: false,
    });
    const page = await client.getConversationMessages({ sessionId, limit: 3 });
    expect(page.messages.map(({ content }) => content.text)).toEqual(['hi', 'two', 'hi']);
    const cursor = page.nextCursor as string;
    expect((await client.getConversationMessages({ sessionId, cursor })).hasMore).toBe(false);
    const again = await client.resumeConversation({ conversationId, agentId });
    expect([again.conversationId, server.conversationOf(again.sessionId).id]).toEqual([
      conversationId,
      conversationId,
    ]);
    expect((await client.ping()).serverTime).toBe(0);
  });

  it('refuses what it does not know', async () => {
    const server = serve();
    const client = server.client();
    const sessionId = 'nobody';
    expect(await kindOf(client.getSession({ sessionId }))).toBe('SESSION_NOT_FOUND');
    expect(await kindOf(client.renameConversation({ conversationId: 'x', title: 't' }))).toBe(
      'CONVERSATION_NOT_FOUND',
    );
    const chat = await client.startConversation({ agentId });
    const { sessionId: own } = chat;
    expect(await kindOf(client.getConversationMessages({ sessionId: own, cursor: 'x' }))).toBe(
      'VALIDATION_ERROR',
    );
    const answer = { sessionId: own, requestId: 'req-1', approved: true };
    expect(await kindOf(client.confirmToolAction(answer))).toBe('NO_PENDING_CONFIRMATION');
    expect(() => server.messages('x')).toThrow('there is no session x');
  });

  it('ends a message that nothing fits, and never repeats it', async () => {
    const server = serve();
    server.onMessage(/^a/).once().finish('first');
    server.onMessage((text) => text.endsWith('z')).finish('last');
    const chat = await server.conversation();
    expect((await chat.ask('a')).text).toBe('first');
    expect((await chat.ask('az')).text).toBe('last');
    const error = await errorOf(chat.ask('a secret'));
    expect([error.code, error.serverMessage]).toEqual([
      'AGENT_ERROR',
      'No reply fits the message.',
    ]);
    expect(server.unmatched).toEqual(['a secret']);
  });

  it('refuses handshakes with a status', async () => {
    const server = serve();
    server.refuse(503, { headers: { 'Retry-After': '2', 'X-Request-Id': 'r-1' } });
    server.refuse(401);
    const client = server.client({ lazy: false });
    const error = await errorOf(client.connect());
    expect([error.kind, error.details]).toEqual([
      'connect_failed',
      { status: 503, retryAfterMs: 2_000, requestId: 'r-1' },
    ]);
    expect(await kindOf(client.connect())).toBe('authentication');
    await client.connect();
    expect(server.connections).toBe(1);
  });

  it('pushes a frame to all links', async () => {
    const server = serve();
    const client = server.client();
    await client.connect();
    const seen: string[] = [];
    client.on('event', ({ type }) => seen.push(type));
    server.push({ type: 'news_of_tomorrow' });
    await server.clock.advance(0);
    expect(seen).toEqual(['unknown']);
  });

  it('closes its links with 1001, ends its turns, and closes once', async () => {
    const server = serve();
    server.onMessage().tokens('a');
    const client = server.client({ autoReconnect: false });
    const codes: unknown[] = [];
    client.on('state', ({ code }) => codes.push(code));
    const turn = (await client.startConversation({ agentId })).send('hello');
    await server.clock.advance(0);
    const failed = kindOf(turn.result());
    await Promise.all([server.close(), server.close()]);
    expect([await failed, codes.at(-1), server.openConnections]).toEqual([
      'turn_interrupted',
      1001,
      0,
    ]);
    expect(server.clock.timers).toBe(0);
  });

  it.each<[string, () => unknown, new (...args: never[]) => Error]>([
    ['an option that is none', () => serve({ replays: true } as object), TypeError],
    ['an option of another type', () => serve({ seed: 'x' as never }), TypeError],
    [
      'an option of a client that it gives',
      () => serve().client({ url: 'x' } as object),
      TypeError,
    ],
    ['its address in memory', () => serve().url, TypeError],
    ['a close code that no peer may send', () => serve().disconnect(1005), ScriptError],
    ['a status that refuses nothing', () => serve().refuse(200), ScriptError],
    ['a script beside replies', () => both().script({ model: [] }), ScriptError],
    ['replies beside a script', () => serve().script({ model: [] }).onMessage(), ScriptError],
    ['a clock that is not virtual', () => serve({ clock: real }).clock, TypeError],
  ])('refuses %s', (_, act, type) => {
    expect(act).toThrow(type);
  });

  it('listens on loopback with the same verbs', async () => {
    const server = serve();
    server.onMessage().confirm('pay').tokens('a', 'b').cut().tokens('c').finish();
    expect(await server.listen()).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/);
    const options: Partial<ClientOptions> = { backoffBaseMs: 1, backoffMaxMs: 1 };
    const chat = await server.conversation({ ...options, handlers: { confirm: () => true } });
    expect((await chat.ask('hello')).text).toBe('abc');
    expect(server.connections).toBe(2);
    server.refuse(401);
    const late: SmoothAgentClient = server.client();
    expect(await kindOf(late.connect())).toBe('authentication');
    await server.close();
    await expect(server.listen()).rejects.toThrow('the server was closed');
  });
});

const real = { now: () => 0, wall: () => 0, setTimer: () => ({ cancel: () => {} }) };

function both(): FakeServer {
  const server = serve();
  server.onMessage().finish();
  return server;
}

it('takes an answer from another session of the conversation', async () => {
  const server = serve();
  server.onMessage().confirm('pay').finish('paid');
  const first = await server.conversation({ autoReconnect: true });
  first.send('hello');
  await server.clock.advance(0);
  const { conversationId } = first;
  const chat = await server.client().resumeConversation({ conversationId, agentId });
  const turn = chat.openTurn();
  for await (const { type } of turn ?? []) {
    if (type === 'write_confirmation_required') await turn?.confirm(true);
  }
  expect((await turn)?.text).toBe('paid');
});
