// The hook of React, against the fake server.
import { createElement, StrictMode } from 'react';
import { act, create, type ReactTestRenderer } from 'react-test-renderer';
import { afterEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/index';
import { type UsedConversation, useConversation } from '../../src/react/index';
import { FakeServer } from '../../src/testing/index';

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

const shown: ReactTestRenderer[] = [];
const servers: FakeServer[] = [];

afterEach(async () => {
  for (const one of shown.splice(0)) await act(async () => one.unmount());
  for (const server of servers.splice(0)) await server.close();
});

interface Shown {
  readonly chat: Conversation | undefined;
  readonly told: (now: UsedConversation) => void;
}

function Component({ chat, told }: Shown): string {
  const used = useConversation(chat);
  told(used);
  return used.text;
}

/** A component on the screen; `now` is what the hook gave last. */
async function show(chat: Conversation | undefined): Promise<{ now: UsedConversation }> {
  const seen = {} as { now: UsedConversation };
  const told = (now: UsedConversation): void => {
    seen.now = now;
  };
  await act(async () => {
    shown.push(create(createElement(StrictMode, null, createElement(Component, { chat, told }))));
  });
  return seen;
}

function serve(): FakeServer {
  const server = new FakeServer();
  servers.push(server);
  return server;
}

const moved = (server: FakeServer, ms = 0): Promise<void> => act(() => server.clock.advance(ms));

describe('useConversation', () => {
  it('shows the text as it streams, and the end', async () => {
    const server = serve();
    server.onMessage().tokens('It ').delay(10).tokens('is.').finish();
    const page = await show(await server.conversation());
    expect([page.now.state, page.now.text]).toEqual(['idle', '']);
    act(() => page.now.send('hello'));
    await moved(server);
    expect([page.now.state, page.now.text]).toEqual(['running', 'It ']);
    await moved(server, 10);
    expect([page.now.state, page.now.text, page.now.result?.text]).toEqual([
      'completed',
      'It is.',
      'It is.',
    ]);
    expect(shown[0]?.toJSON()).toBe('It is.');
  });

  it('shows questions, and answers them until they are right', async () => {
    const server = serve();
    server.onMessage().confirm('pay').otp({ code: '1' }).finish('paid');
    const page = await show(await server.conversation());
    act(() => page.now.send('pay'));
    await moved(server);
    const { question } = page.now;
    expect(question?.kind).toBe('confirmation');
    if (question?.kind === 'confirmation') act(() => question.answer(true));
    for (const code of ['2', '1']) {
      await moved(server);
      const asked = page.now.question;
      expect(asked?.kind).toBe('otp');
      if (asked?.kind === 'otp') act(() => asked.answer(code));
      expect(page.now.question).toBeUndefined();
    }
    await moved(server);
    expect([page.now.state, page.now.text, page.now.question]).toEqual([
      'completed',
      'paid',
      undefined,
    ]);
  });

  it('stops a turn, tells why one failed, and begins the next one anew', async () => {
    const server = serve();
    server.onMessage('long').tokens('a');
    const page = await show(await server.conversation());
    act(() => page.now.send('long'));
    await moved(server);
    act(() => page.now.cancel());
    await moved(server);
    expect([page.now.state, page.now.text]).toEqual(['cancelled', 'a']);
    act(() => page.now.send('what?'));
    await moved(server);
    expect([page.now.state, page.now.error]).toMatchObject(['failed', { code: 'AGENT_ERROR' }]);
  });

  it('is idle until there is a conversation', async () => {
    const page = await show(undefined);
    expect(page.now.state).toBe('idle');
    page.now.cancel();
    expect(() => page.now.send('x')).toThrow('there is no conversation yet');
  });
});
