import { describe, expect, it } from 'vitest';
import type { Conversation } from '../src/index';
import { messagesOf } from '../src/history';
import {
  connected,
  expectSilence,
  grant,
  type OpenStage,
  rejection,
  response,
  SESSION,
} from './setup';

async function chat(): Promise<OpenStage & { chat: Conversation }> {
  const stageOf = await connected();
  const made = stageOf.client.startConversation({ agentId: 'a' });
  await grant(stageOf.link);
  return { ...stageOf, chat: await made };
}

const message = (id: string): object => ({
  id,
  direction: 'inbound',
  content: { text: id },
  createdAt: '2026-01-01T00:00:00Z',
});

describe('messages', () => {
  it('REQ-HIST-01 follows the cursor, one page at a time and only when it is needed', async () => {
    const { chat: conversation, link, ...rest } = await chat();
    const pages = conversation.messages({ limit: 2 });
    await expectSilence({ link, ...rest } as never);
    const first = pages.next();
    const asked = await link.recv();
    expect(asked).toMatchObject({
      action: 'get_conversation_messages',
      sessionId: SESSION,
      limit: 2,
    });
    expect(asked).not.toHaveProperty('cursor');
    const page = { messages: [message('3'), message('2')], nextCursor: 'c1', hasMore: true };
    link.send(response(asked.requestId as string, page));
    expect((await first).value?.id).toBe('3');
    expect((await pages.next()).value?.id).toBe('2');
    await expectSilence({ link, ...rest } as never);
    const third = pages.next();
    const next = await link.recv();
    expect(next.cursor).toBe('c1');
    link.send(
      response(next.requestId as string, {
        messages: [message('1')],
        nextCursor: null,
        hasMore: false,
      }),
    );
    expect((await third).value?.id).toBe('1');
    expect((await pages.next()).done).toBe(true);
  });

  it.each([
    ['hasMore is false', { hasMore: false, nextCursor: 'c' }],
    ['the cursor is null', { hasMore: true, nextCursor: null }],
    ['the cursor is missing', { hasMore: true }],
  ])('REQ-HIST-01 stops when %s', async (_, more) => {
    let fetched = 0;
    const fetch = async () => {
      fetched += 1;
      return { messages: [], ...more };
    };
    for await (const one of messagesOf(fetch)) throw new Error(String(one));
    expect(fetched).toBe(1);
  });

  it('REQ-HIST-02 a cursor that repeats ends the iteration', async () => {
    const fetch = async () => ({ messages: [], hasMore: true, nextCursor: 'again' });
    expect(await rejection(messagesOf(fetch).next())).toMatchObject({ kind: 'unexpected_event' });
  });

  it('REQ-CALL-09 an abort ends the iteration with the reason', async () => {
    const { chat: conversation, link } = await chat();
    const abort = new AbortController();
    const pages = conversation.messages({ signal: abort.signal });
    const first = rejection(pages.next());
    await link.recv();
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await first).toBe(reason);
  });
});
