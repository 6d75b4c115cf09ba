import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SmoothAgentClient } from '../src/index';
import { requestId, settingsOf } from '../src/options';
import { address } from '../src/options-handshake';
import { OPTIONS } from '../src/wire/options';

const URL_ = 'ws://127.0.0.1:1/ws';

describe('options', () => {
  it.each([
    ['an http URL', { url: 'http://127.0.0.1/' }, TypeError],
    ['a URL without a host', { url: 'ws://' }, TypeError],
    ['no URL', { url: undefined as unknown as string }, TypeError],
    ['a negative time', { url: URL_, requestTimeoutMs: -1 }, RangeError],
    ['a time that never ends', { url: URL_, turnTimeoutMs: Number.POSITIVE_INFINITY }, RangeError],
    ['a time that is no number', { url: URL_, closeTimeoutMs: Number.NaN }, RangeError],
    ['a time as text', { url: URL_, connectTimeoutMs: '5' as unknown as number }, TypeError],
    ['a limit below 1', { url: URL_, maxMessageBytes: 0 }, RangeError],
    ['a backoff below 1', { url: URL_, backoffBaseMs: 0.5 }, RangeError],
    ['half an attempt', { url: URL_, maxReconnectAttempts: 0.5 }, RangeError],
    ['a queue below 0', { url: URL_, queueLimit: -1 }, RangeError],
    ['an unknown policy', { url: URL_, queuePolicy: 'drop' as 'wait' }, TypeError],
    ['a switch that is no boolean', { url: URL_, autoReconnect: 1 as never }, TypeError],
    ['a token of the wrong type', { url: URL_, token: 5 as unknown as string }, TypeError],
    ['an unknown place for the token', { url: URL_, tokenIn: 'body' as 'query' }, TypeError],
    ['supports that is no list', { url: URL_, supports: 'x' as unknown as string[] }, TypeError],
  ])('REQ-CONN-01 REQ-ERR-05 refuses %s at once', (_, options, type) => {
    expect(() => new SmoothAgentClient(options)).toThrow(type);
  });

  it.each([
    ['a line end', 'ws://h/ok?x=1 HTTP/1.1\r\nX-Evil: 1'],
    ['a space', 'ws://h/a hush'],
    ['a backslash', 'ws://h\\hush'],
    ['a user', 'ws://hush@h/'],
    ['a password', 'ws://a:hush@h/'],
    ['a host beyond ASCII', 'ws://hüsh/'],
    ['half a character', 'ws://h/\ud83d'],
  ])('REQ-CONN-19 refuses a URL with %s and does not show it', (_, url) => {
    const make = (): SmoothAgentClient => new SmoothAgentClient({ url });
    expect(make).toThrow(/^url: /);
    expect(make).not.toThrow(/hush|Evil/);
  });

  it.each([
    ['Host', 'x'],
    ['sec-websocket-key', 'x'],
    ['Transfer-Encoding', 'chunked'],
    ['bad name', 'x'],
    ['X-A\r\nX-B', 'x'],
    ['X-A', 'hush\r\nX-B: 1'],
    ['X-A', 'hush\u0000'],
    ['X-A', 5],
  ])('REQ-CONN-20 refuses the header %j: %j and does not show its value', (name, value) => {
    const headers = { [name]: value } as Record<string, string>;
    const make = (): SmoothAgentClient => new SmoothAgentClient({ url: URL_, headers });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/^headers: /);
    expect(make).not.toThrow(/hush/);
  });

  it('REQ-CONN-20 refuses an origin and a token that would end their line', () => {
    const token = 'hush\n';
    const bad = [{ origin: token }, { token, tokenIn: 'header' as const }];
    for (const more of bad) {
      const make = (): SmoothAgentClient => new SmoothAgentClient({ url: URL_, ...more });
      expect(make).toThrow(/^(origin|token): /);
      expect(make).not.toThrow(/hush/);
    }
  });

  it('REQ-CONN-01 refuses what is no option, and none at all', () => {
    const Client = SmoothAgentClient as unknown as new (options?: object) => SmoothAgentClient;
    expect(() => new Client()).toThrow(/^options: /);
    expect(() => new Client({ url: URL_, conectTimeoutMs: 5 })).toThrow(/^conectTimeoutMs: /);
  });

  it('REQ-ERR-04 shows nothing of a refused URL', () => {
    const make = (): SmoothAgentClient => new SmoothAgentClient({ url: 'http://h/?token=hush' });
    expect(make).toThrow(/^url: expected ws/);
  });

  it('REQ-CONN-01 all that are wired are rows of the README, under the names of the table', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const rows = readme.split('\n').filter((line) => line.startsWith('| `'));
    const named = new Set(rows.flatMap((row) => row.split('|')[1]?.match(/\w+/g) ?? []));
    for (const { name, unit, pending } of Object.values(OPTIONS)) {
      if (pending === null) expect(named).toContain(unit === 'ms' ? `${name}Ms` : name);
    }
  });

  it('REQ-CONN-01 makes an idle client that has started nothing', () => {
    const before = process.getActiveResourcesInfo().length;
    const client = new SmoothAgentClient({ url: URL_ });
    expect(client.state).toBe('idle');
    expect(process.getActiveResourcesInfo().length).toBe(before);
  });

  it('REQ-LOG-01 keeps the token out of the textual form of a client', () => {
    const client = new SmoothAgentClient({ url: `${URL_}?token=hush`, token: 'hush' });
    expect(inspect(client)).toBe("{ host: '127.0.0.1:1', state: 'idle' }");
    expect(`${JSON.stringify(client)}${String(client)}${Object.keys(client)}`).not.toContain(
      'hush',
    );
  });
});

describe('address', () => {
  it.each([
    [
      'keeps the query and drops the fragment',
      'ws://h/a?x=%20y&z#f',
      undefined,
      'ws://h/a?x=%20y&z',
    ],
    [
      'percent-encodes letters beyond ASCII',
      'ws://h/ü?q=é€&z=%20#f',
      undefined,
      'ws://h/%C3%BC?q=%C3%A9%E2%82%AC&z=%20',
    ],
    ['appends the token last', 'ws://h/a?x=1', 't', 'ws://h/a?x=1&token=t'],
    ['removes every other token', 'ws://h/?token=a&x=1&token=b', 't', 'ws://h/?x=1&token=t'],
    ['keeps names that only begin alike', 'ws://h/?tokens=a', 't', 'ws://h/?tokens=a&token=t'],
    [
      'leaves the token of a URL alone without one',
      'ws://h/?token=a',
      undefined,
      'ws://h/?token=a',
    ],
    [
      'encodes by RFC 3986',
      'ws://h/',
      "a b+c/=&é!'()*~-._",
      'ws://h/?token=a%20b%2Bc%2F%3D%26%C3%A9%21%27%28%29%2A~-._',
    ],
    ['copes with an empty query', 'ws://h/?#f', 't', 'ws://h/?token=t'],
  ])('REQ-CONN-10 %s', (_, url, token, expected) => {
    expect(address(url, token)).toBe(expected);
  });
});

describe('requestId', () => {
  it('REQ-CALL-01 is req- and a lower-case UUIDv4', () => {
    const made = requestId(() => 1 - 2 ** -32);
    expect(made).toBe('req-ffffffff-ffff-4fff-bfff-ffffffffffff');
  });

  it('REQ-CALL-01 REQ-TIME-01 comes from the injected source, by default a cryptographic one', () => {
    const { random } = settingsOf({ url: 'ws://h/' });
    const made = new Set(Array.from({ length: 1000 }, () => requestId(random)));
    expect(made.size).toBe(1000);
    for (const id of made) {
      expect(id).toMatch(
        /^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });
});
