// What an agent does, step by step, as a client sees it; every frame is valid as it is written.
import { afterEach, describe, expect, it } from 'vitest';
import { type Conversation, decodeEvent, type Handlers, type Turn } from '../../src/index';
import { FakeServer, Reply, ScriptError } from '../../src/testing/index';

const agentId = '00000000-0000-4000-8000-0000000000a1';
const servers: FakeServer[] = [];
const faults: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  expect(faults.splice(0)).toEqual([]);
});

interface Stage {
  readonly server: FakeServer;
  readonly chat: Conversation;
}

/** A server and a conversation on it whose frames are looked at. */
async function stage(write: (reply: Reply) => unknown, handlers?: Handlers): Promise<Stage> {
  const server = new FakeServer();
  servers.push(server);
  write(server.onMessage());
  return { server, chat: await talk(server, handlers) };
}

async function talk(server: FakeServer, handlers: Handlers = {}): Promise<Conversation> {
  const client = server.client({ handlers, supports: ['choice_chips', 'identity_form'] });
  client.on(
    'frame',
    ({ direction, text = '' }) => {
      if (direction === 'out' || text === '{') return;
      const event = decodeEvent(text);
      // What a reader had to repair, or did not know, was not written right.
      if (event.type === 'unknown' || JSON.stringify(event) !== text) faults.push(text);
    },
    { text: true },
  );
  return client.startConversation({ agentId, userEmail: 'ada@example.com' });
}

async function items(turn: Turn): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type } of turn) seen.push(type);
  return seen;
}

const failure = (turn: PromiseLike<unknown>): Promise<{ code: string; serverMessage: string }> =>
  Promise.resolve(turn).then(undefined, (error) => error) as never;

describe('a reply', () => {
  it('streams text, reasoning, a preamble and chunks', async () => {
    const call = { name: 'orders', arguments: { id: 7 } };
    const { chat } = await stage((reply) =>
      reply
        .preamble('One moment')
        .reasoning('hm')
        .chunk('orders', { toolCall: call })
        .chunk('orders', { toolResult: { name: 'orders', result: 'sent' }, done: true })
        .chunk('plan')
        .tokens('It is ', 'on its way')
        .finish(undefined, {
          citations: [{ id: '1', title: 'Orders', snippet: 'sent', score: 1 }],
          usage: { promptTokens: 3, completionTokens: 2 },
          suggestions: ['Track it'],
        }),
    );
    const turn = chat.send('Where is it?');
    expect(await items(turn)).toEqual([
      'stream_preamble',
      'stream_reasoning',
      'stream_chunk',
      'stream_chunk',
      'stream_chunk',
      'stream_token',
      'stream_token',
      'eventual_response',
    ]);
    const result = await turn;
    expect([result.text, result.usage?.promptTokens, result.citations?.[0]?.title]).toEqual([
      'It is on its way',
      3,
      'Orders',
    ]);
  });

  it.each([
    [true, 'paid'],
    [false, 'left alone'],
  ])('waits for a confirmation that says %s', async (approved, text) => {
    const { server, chat } = await stage(
      (reply) => {
        const rejected = (instead: Reply): unknown => instead.finish('left alone');
        reply.confirm('Pay 5', { toolId: 'pay', rejected }).finish('paid');
      },
      { confirm: ({ actionDescription }) => actionDescription === 'Pay 5' && approved },
    );
    expect((await chat.ask('pay')).text).toBe(text);
    expect(server.sent('confirm_tool_action')).toMatchObject([{ approved }]);
  });

  it('goes on after a rejection without other steps, and takes a reply made before', async () => {
    const no = new Reply().finish('no');
    const { server, chat } = await stage((reply) => reply.confirm('a').once().finish('yes'), {
      confirm: () => false,
    });
    server.onMessage().confirm('b', { rejected: no }).finish('yes');
    expect([(await chat.ask('1')).text, (await chat.ask('2')).text]).toEqual(['yes', 'no']);
  });

  it('denies what nobody answers in time', async () => {
    const server = new FakeServer({ questionMs: 5_000 });
    servers.push(server);
    server
      .onMessage()
      .confirm('a', { rejected: (reply) => reply.finish('late') })
      .finish('yes');
    const turn = (await talk(server)).send('x');
    await server.clock.advance(5_000);
    expect((await turn).text).toBe('late');
  });

  it('asks for a code until it is right', async () => {
    const { chat } = await stage((reply) => reply.otp({ code: '1' }).tokens('in').finish());
    const turn = chat.send('x');
    for await (const event of turn) {
      if (event.type !== 'otp_sent') continue;
      expect(event.maskedDestination).toBe('a***@example.com');
      expect(await turn.verifyOtp('2')).toMatchObject({ verified: false, attemptsRemaining: 2 });
      expect(await turn.verifyOtp('1')).toMatchObject({ verified: true });
    }
    expect((await turn).text).toBe('in');
  });

  it.each<[string, (turn: Turn) => PromiseLike<unknown>]>([
    ['spent', (turn) => turn.verifyOtp('2')],
    ['declined', (turn) => turn.decline('otp')],
  ])('ends its turn when its code is %s', async (_, answer) => {
    const { chat } = await stage((reply) => reply.otp({ attempts: 1 }).finish());
    const turn = chat.send('x');
    const answering = async (): Promise<void> => {
      for await (const { type } of turn) if (type === 'otp_sent') await answer(turn);
    };
    const { code, serverMessage } = await failure(answering());
    expect([code, serverMessage]).toEqual(['AGENT_ERROR', 'The code was not given.']);
  });

  it('asks by forms, which have to be filled right', async () => {
    const questions = [
      { question: 'Which?', header: 'Size', options: [{ label: 'S' }, { label: 'L' }] },
    ];
    const { server, chat } = await stage((reply) =>
      reply
        .interaction('identity_intake', { fields: [{ key: 'email', required: true }] })
        .interaction('choices', { questions }, { reason: 'to send it' })
        .finish('ok'),
    );
    const turn = chat.send('x');
    for await (const event of turn) {
      if (event.type !== 'interaction_required') continue;
      if (event.kind === 'choices') {
        const wrong = { answers: [{ header: 'Size', options: ['M'] }] };
        expect(await turn.submit(wrong)).toMatchObject({ errors: [{ field: 'Size' }] });
        await turn.submit({ answers: [{ header: 'Size', options: ['L'] }] });
      } else {
        const errors = [{ field: 'email', message: 'must be a valid email address' }];
        expect(await turn.submit({ email: 'no' })).toMatchObject({ errors });
        await turn.decline('interaction');
      }
    }
    expect((await turn).text).toBe('ok');
    expect(server.sent('submit_interaction')).toHaveLength(4);
  });

  it('says which word a client has to list for a form', async () => {
    const server = new FakeServer();
    servers.push(server);
    const fields = [{ key: 'name', required: true }];
    server.onMessage().interaction('identity_intake', { fields }).finish();
    const chat = await server.conversation();
    expect((await failure(chat.ask('x'))).serverMessage).toBe(
      'interaction(identity_intake) needs a client that supports identity_form',
    );
  });

  it('waits for the clock, sends what is no frame, and ends by an error', async () => {
    const { server, chat } = await stage((reply) =>
      reply.delay(5_000).malformed().error('INTERNAL_ERROR', 'broken'),
    );
    const failed = failure(chat.ask('x'));
    await server.clock.advance(4_999);
    expect(server.messages(chat.sessionId)[0]?.turn).toBe('running');
    await server.clock.advance(1);
    expect((await failed).code).toBe('INTERNAL_ERROR');
  });

  it('is cancelled in any step, and leaves its turn open without an end', async () => {
    const { server, chat } = await stage((reply) => reply.tokens('a'));
    server.onMessage();
    const open = chat.send('x');
    await server.clock.advance(60_000);
    await open.cancel();
    expect(await open).toMatchObject({ outcome: 'cancelled', text: 'a' });
    expect(server.messages(chat.sessionId)[0]?.turn).toBe('cancelled');
  });

  it.each<[string, (reply: Reply) => unknown, string]>([
    ['a step behind finish', (r) => r.finish().tokens('a'), 'has ended with finish()'],
    ['a step behind error', (r) => r.error('AGENT_ERROR').finish(), 'has ended with error()'],
    ['a code of nobody', (r) => r.error('NO_SUCH'), 'NO_SUCH is no code of the protocol'],
    ['a code that ends nothing', (r) => r.error('OTP_SEND_FAILED'), 'ends no turn'],
    ['no attempts', (r) => r.otp({ attempts: 0 }), 'attempts must be'],
    ['a delay below 0', (r) => r.delay(-1), 'milliseconds from 0 on'],
    ['a close code that no peer sends', (r) => r.cut(1005), 'may send the close code 1005'],
    ['a kind of nobody', (r) => r.interaction('x' as never, {} as never), 'kind x'],
    ['a spec that does not fit', (r) => r.interaction('choices', {} as never), '/questions'],
    ['no fields', (r) => r.interaction('identity_intake', { fields: [] }), '/fields'],
  ])('refuses %s where it is written', (_, write, why) => {
    expect(() => write(new Reply())).toThrow(ScriptError);
    expect(() => write(new Reply())).toThrow(why);
  });
});

describe('a script', () => {
  const scripted = async (document: unknown): Promise<Stage> => {
    const server = new FakeServer().script(document);
    servers.push(server);
    return { server, chat: await talk(server, { confirm: () => true, otp: () => '7' }) };
  };

  it('is read in order over all turns, with its tools and documents', async () => {
    const { chat } = await scripted({
      model: [
        { toolCall: { name: 'orders', arguments: { id: 7 } } },
        { reasoning: 'found' },
        { text: 'It is sent.', usage: { promptTokens: 1, completionTokens: 1 } },
        { toolCall: { name: 'knowledge_search', arguments: { query: 'return window' } } },
        { text: '17 days.' },
        { error: 'gone' },
      ],
      tools: [
        { name: 'orders', description: 'Reads', result: 'sent', confirm: true, auth: 'end_user' },
      ],
      knowledge: [{ source: 'returns.md', content: 'Our return window is 17 days.' }],
      otp: { code: '7' },
    });
    const first = await chat.ask('Where is it?');
    expect([first.text, first.usage?.promptTokens]).toEqual(['It is sent.', 11]);
    expect((await chat.ask('Returns?')).citations?.[0]?.title).toBe('returns.md');
    expect((await failure(chat.ask('x'))).serverMessage).toBe('gone');
    expect((await failure(chat.ask('x'))).code).toBe('AGENT_ERROR');
  });

  it.each<[unknown, string]>([
    [{}, '/model is missing'],
    [{ model: [{ text: 'a', error: 'b' }] }, '/model/0: expected exactly one of'],
    [{ model: [{ words: 'a' }] }, '/model/0/words: a script has no such key'],
    [{ model: [], tools: [{ name: 'a' }, { name: 'a' }] }, '/tools/1/name is defined twice'],
    [{ model: [], otp: { code: '1', attempts: 0 } }, '/otp/attempts is not allowed'],
    [[], 'the script is not allowed'],
  ])('refuses %j', (document, why) => {
    expect(() => new FakeServer().script(document)).toThrow(why);
  });
});
