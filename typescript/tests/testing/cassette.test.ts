// A session of a real server, kept in a file and given back.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SmoothAgentClient } from '../../src/index';
import { CassetteError, FakeServer, record } from '../../src/testing/index';

const agentId = '00000000-0000-4000-8000-0000000000a1';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/smooth-operator-`);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What a program says and hears. */
async function talk(client: SmoothAgentClient): Promise<string[]> {
  const heard: string[] = [];
  const chat = await client.startConversation({ agentId });
  const turn = chat.send('hello');
  for await (const event of turn) {
    heard.push(event.type === 'stream_token' ? event.token : event.type);
    if (event.type === 'write_confirmation_required') await turn.confirm(true);
    if (event.type === 'otp_sent') await turn.verifyOtp('314159');
  }
  heard.push((await client.ping()).serverTime === undefined ? 'no time' : 'pong');
  return heard;
}

describe('a cassette', () => {
  it('gives a recorded session back, without its secrets', async () => {
    const server = new FakeServer();
    server.onMessage().tokens('a').confirm('pay').otp({ code: '314159' }).tokens('b').finish();
    const path = `${folder}/talk.cassette`;
    const real = record(await server.listen(), path);
    await real.connect();
    const heard = await talk(real);
    expect(readdirSync(folder)).toEqual([]);
    await real.close();
    await server.close();
    const text = readFileSync(path, 'utf8');
    expect(text.split('\n', 1)[0]).toBe('{"cassette":1,"spec":"1.2"}');
    expect([text.includes('314159'), text.includes('"code":"***"')]).toEqual([false, true]);

    const fake = await FakeServer.replayOf(path);
    const client = fake.client();
    expect(await talk(client)).toEqual(heard);
    await expect(client.listConversations()).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(fake.unmatched).toEqual(['list_conversations']);
    await fake.close();
  });

  it('ends a link where it ended', async () => {
    const path = `${folder}/cut.cassette`;
    const lines = [
      { cassette: 1, spec: '1.2' },
      { at: 0, link: 1, way: 'in', frame: { type: 'news' } },
      { at: 0, link: 1, way: 'out', frame: { action: 'ping', requestId: 'req-9' } },
      { at: 5, link: 1, way: 'end', code: 4000 },
    ];
    writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'));
    const fake = await FakeServer.replayOf(path);
    const client = fake.client({ autoReconnect: false });
    const seen: string[] = [];
    client.on('event', ({ type }) => seen.push(type));
    await expect(client.ping()).rejects.toMatchObject({ closeCode: 4000 });
    expect(seen).toEqual(['unknown']);
    await fake.close();
  });

  it.each([
    ['', 'bad.cassette is empty'],
    ['{"cassette":2}', 'bad.cassette is of cassette version 2; this kit reads 1'],
    ['{"cassette":1}\n{"at":0}', 'bad.cassette: line 2 is no frame of a cassette'],
    ['[]', 'bad.cassette: line 1 is no head of a cassette'],
  ])('refuses %j', async (text, why) => {
    const path = `${folder}/bad.cassette`;
    writeFileSync(path, text);
    const refused = FakeServer.replayOf(path);
    await expect(refused).rejects.toThrow(CassetteError);
    await expect(refused).rejects.toThrow(why);
  });
});
