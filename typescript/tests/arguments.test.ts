// What a caller writes is checked where it is written: the member is named, nothing is sent.
import { describe, expect, it } from 'vitest';
import { SmoothAgentClient } from '../src/index';
import { connected, expectSilence, rejection, running, SESSION } from './setup';

const HALVES = ['\ud83d', '\udde1', 'a\ude00b', '\\\ud83d'];

describe('arguments', () => {
  it.each(HALVES)('REQ-CALL-11 half of a surrogate pair is refused (%j)', async (half) => {
    const stage = await connected();
    const { client } = stage;
    expect(() => client.sendMessage({ sessionId: SESSION, message: half })).toThrow(
      /^send_message\.message: half of a surrogate pair$/,
    );
    const metadata = { [half]: 1 };
    const refused = await rejection(client.createConversationSession({ agentId: 'a', metadata }));
    expect(refused).toBeInstanceOf(TypeError);
    await expectSilence(stage);
  });

  it('REQ-CALL-11 whole pairs and what only looks like a half travel', async () => {
    const { client, link } = await connected();
    for (const message of ['😀', '\\ud83d', '\\\\ud83d', '"\\ud83d"']) {
      client.sendMessage({ sessionId: SESSION, message }).detach();
      expect(await link.recv()).toMatchObject({ message });
    }
  });

  it.each([
    ['message', { sessionId: SESSION, message: '' }],
    ['message', { sessionId: SESSION, message: 'x'.repeat(10_001) }],
    ['message', { sessionId: SESSION }],
    ['sessionId', { message: 'x' }],
    ['skill', { sessionId: SESSION, message: 'x', skill: 'no blanks' }],
    ['nosuch', { sessionId: SESSION, message: 'x', nosuch: 1 }],
  ])('REQ-CALL-12 a message whose %s breaks the schema is refused', async (member, params) => {
    const stage = await connected();
    expect(() => stage.client.sendMessage(params as never)).toThrow(
      new RegExp(`^send_message\\.${member}: (missing|not allowed)$`),
    );
    await expectSilence(stage);
  });

  it('REQ-CALL-12 bounds count code points and draw no id', async () => {
    const { client, link } = await connected();
    client.sendMessage({ sessionId: SESSION, message: '😀'.repeat(10_000) }).detach();
    expect(await link.recv()).toMatchObject({ requestId: 'req-1' });
    const refused = await rejection(client.listConversations({ limit: 0 }));
    expect(refused).toMatchObject({ name: 'TypeError' });
    const missing = await rejection(client.createConversationSession({} as never));
    expect(missing).toMatchObject({ message: 'create_conversation_session.agentId: missing' });
    void rejection(client.ping());
    expect(await link.recv()).toMatchObject({ action: 'ping', requestId: 'req-2' });
  });

  it('REQ-CALL-12 an answer by ids says exactly one thing', async () => {
    const stage = await connected();
    const ids = { requestId: 'r', sessionId: SESSION, interactionId: 'i' };
    const both = { ...ids, values: {}, declined: true };
    for (const params of [ids, both]) {
      expect(await rejection(stage.client.submitInteraction(params))).toBeInstanceOf(TypeError);
    }
    const { requestId } = await running(stage);
    const neither = rejection(stage.client.verifyOtp({ requestId, sessionId: SESSION }));
    expect(await neither).toBeInstanceOf(TypeError);
  });

  it.each([
    [undefined, /^options: /],
    [{}, /^options: url is missing$/],
    [{ url: 'ws://h/', ids: () => 'x' }, /^ids: no such option$/],
    [{ url: 'ws://h/', lazy: 1 }, /^lazy: /],
    [{ url: 'ws://h/', opener: {} }, /^opener: /],
    [{ url: 'ws://h/', clock: { now: 1 } }, /^clock: /],
    [{ url: 'ws://h/', clock: { now: () => 1, setTimer: () => {} } }, /^clock: .* wall$/],
    [{ url: 'ws://h/', logger: {} }, /^logger: /],
  ])('REQ-CONN-01 options %j of plain JavaScript are refused by name', (options, text) => {
    expect(() => new SmoothAgentClient(options as never)).toThrow(text);
  });
});
