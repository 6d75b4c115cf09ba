import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  ACTION_NAMES,
  type ActionParams,
  DecodeError,
  decodeEvent,
  encodeAction,
  encodeEvent,
  type JsonObject,
  MalformedFrame,
  makeAction,
  type MessagePage,
  type ServerEvent,
  unknownOf,
} from '../../src/index';
import { correlationOf } from '../../src/wire/codec';
import { mendSurrogates } from '../../src/wire/repair';
import { decodeResult } from '../../src/wire/results';
import { token } from '../setup';

const decode = (frame: object): ServerEvent => decodeEvent(JSON.stringify(frame));

describe('decodeEvent', () => {
  it('REQ-WIRE-01 makes an unknown event of an unknown type', () => {
    const frame = { type: 'stream_video', requestId: 'r', extra: [1] };
    const event = decode(frame);
    expect(event).toEqual({ type: 'unknown', wireType: 'stream_video', raw: frame });
    expect(encodeEvent(event)).toBe(JSON.stringify(frame));
  });

  it('REQ-WIRE-01 never takes the reserved word for a good event', () => {
    expect(decode({ type: 'unknown' })).toMatchObject({ type: 'unknown', wireType: 'unknown' });
    expect(decode({ type: 'constructor' })).toMatchObject({ wireType: 'constructor' });
  });

  it('REQ-WIRE-02 REQ-WIRE-08 keeps unknown members, shows facts flat, encodes the frame', () => {
    const frame = {
      ...token('r', 'Hi'),
      more: { a: 1 },
      data: { requestId: 'r', token: 'Hi', x: 2 },
    };
    const event = decode(frame);
    expect(event).toMatchObject({ type: 'stream_token', requestId: 'r', token: 'Hi' });
    expect([event.raw, JSON.parse(JSON.stringify(event))]).toEqual([frame, frame]);
    expect(Object.keys(event)).toEqual([]);
  });

  it('REQ-WIRE-02 keeps unknown values of an enum', () => {
    const data = { requestId: 'r', data: { channel: 'pigeon', maskedDestination: 'x' } };
    expect(decode({ type: 'otp_sent', data })).toMatchObject({ channel: 'pigeon' });
  });

  it('REQ-WIRE-07 reads a fact from the nested place, else from the top level', () => {
    const both = decode({
      type: 'stream_token',
      token: 'top',
      data: { requestId: 'n', token: 'nested' },
    });
    expect(both).toMatchObject({ token: 'nested', requestId: 'n' });
    const top = decode({ type: 'stream_token', requestId: 't', token: 'top', data: {} });
    expect(top).toMatchObject({ token: 'top', requestId: 't', raw: { data: {} } });
  });

  it('REQ-WIRE-08 a member of the frame does not hide a flat fact', () => {
    const data = { requestId: 'r', data: { toolId: 't', actionDescription: 'Pay' } };
    const frame = {
      type: 'write_confirmation_required',
      actionDescription: 7,
      raw: 1,
      toJSON: 2,
      data,
    };
    const event = decode(frame);
    expect(event).toMatchObject({ actionDescription: 'Pay', raw: frame });
    expect(JSON.parse(JSON.stringify(event))).toEqual(frame);
  });

  it('REQ-WIRE-03 names the fault of a broken body', () => {
    const broken = (): ServerEvent =>
      decode({ type: 'stream_token', data: { requestId: 'r', token: 1 } });
    expect(broken).toThrow(DecodeError);
    try {
      broken();
    } catch (fault) {
      const event = unknownOf(fault as DecodeError);
      expect(event).toMatchObject({
        type: 'unknown',
        wireType: 'stream_token',
        problem: { kind: 'type', pointer: '/data/token' },
      });
    }
  });

  it.each([
    '',
    'x',
    '[]',
    'null',
    '"t"',
    '{}',
    '{"type":1}',
    '{"type":NaN}',
    '\ufeff{"type":"pong"}',
  ])('REQ-WIRE-04 finds %j malformed', (text) => {
    expect(() => decodeEvent(text)).toThrow(MalformedFrame);
  });

  it('REQ-WIRE-05 reads null on an optional field as absent and keeps three states where it may be', () => {
    const event = decode({
      type: 'keepalive',
      requestId: null,
      timestamp: null,
      data: { requestId: 'r' },
    });
    expect(event).toMatchObject({ requestId: 'r', timestamp: undefined });
    expect(JSON.parse(encodeEvent(event))).toEqual({ type: 'keepalive', data: { requestId: 'r' } });
    const page = (more: object): MessagePage =>
      decodeResult(
        'get_conversation_messages',
        decode({ type: 'immediate_response', data: { messages: [], hasMore: false, ...more } }),
      );
    expect(page({})).not.toHaveProperty('nextCursor');
    expect(page({ nextCursor: null }).nextCursor).toBeNull();
    expect(page({ nextCursor: 'c' }).nextCursor).toBe('c');
  });

  it.each([
    ['\\ud800', '\ufffd'],
    ['\\ud83d\\ude00', '😀'],
    ['\\ud83d\\ud83d\\ude00', '\ufffd😀'],
    ['\\ude00', '\ufffd'],
    ['\\\\ud800', '\\ud800'],
    ['\\\\\\ud800', '\\\ufffd'],
  ])('REQ-WIRE-06 reads the escapes %s', (escaped, expected) => {
    const text = `{"type":"stream_token","data":{"requestId":"r","token":"${escaped}"}}`;
    expect(decodeEvent(text)).toMatchObject({ token: expected, raw: JSON.parse(text) });
  });

  it('REQ-WIRE-06 coerces nothing but what the rule names', () => {
    const data = { requestId: 'r', data: { attemptsRemaining: '1', message: '' } };
    expect(() => decode({ type: 'otp_invalid', data })).toThrow(/attemptsRemaining/);
    const text = '{"type":"pong","timestamp":5.0}';
    expect(decodeEvent(text)).toMatchObject({ type: 'pong', timestamp: 5 });
  });

  it('REQ-WIRE-09 survives deep nesting and duplicate keys', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(decodeEvent(`{"type":"x","deep":${deep}}`).type).toBe('unknown');
    const text = '{"type":"stream_token","data":{"requestId":"r","token":"a","token":"b"}}';
    expect(decodeEvent(text)).toMatchObject({ token: 'b' });
    const last = Number.MAX_SAFE_INTEGER;
    expect(decode({ type: 'pong', timestamp: last })).toMatchObject({ timestamp: last });
  });

  it('REQ-WIRE-13 refuses nothing for a bound, a pattern, a format or an enum', () => {
    const data = { requestId: '', data: { channel: '', maskedDestination: '' } };
    expect(decode({ type: 'otp_sent', timestamp: -5, data }).type).toBe('otp_sent');
  });

  it('REQ-TURN-02 correlates by the top-level id, else by the nested one', () => {
    expect(correlationOf({ requestId: 'a', data: { requestId: 'b' } })).toBe('a');
    expect(correlationOf({ requestId: 1, data: { requestId: 'b' } })).toBe('b');
    expect(correlationOf({ data: null })).toBeUndefined();
  });
});

describe('decodeEvent, with open input', () => {
  // A small generator with a fixed seed: the same frames in every run.
  let state = 20_261_121;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
  const seeds = [
    token('r', 'Hi'),
    {
      type: 'error',
      data: { error: { code: 'X', message: 'm' } },
      error: { code: 'X', message: 'm' },
    },
    {
      type: 'eventual_response',
      data: { requestId: 'r', status: 200, data: { messageId: 'm', response: null } },
    },
  ];
  const values = [null, 0, -1.5, 2 ** 53, '', '\ud800', true, [], {}, [null], { data: {} }];

  function mutate(value: unknown): unknown {
    if (random(6) === 0) return values[random(values.length)];
    if (Array.isArray(value)) return value.map(mutate);
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(() => random(12) > 0);
    const made = Object.fromEntries(kept.map(([key, item]) => [key, mutate(item)]));
    return random(8) === 0
      ? { ...made, [`extra${random(3)}`]: values[random(values.length)] }
      : made;
  }

  it('REQ-WIRE-03 REQ-WIRE-06 gives an event, a fault or a malformed frame, and round-trips events', () => {
    const outcomes = new Set<string>();
    for (let run = 0; run < 20_000; run += 1) {
      const text = JSON.stringify(mutate(seeds[run % seeds.length]));
      try {
        const event = decodeEvent(text);
        const encoded = encodeEvent(event);
        expect(encodeEvent(decodeEvent(encoded))).toBe(encoded);
        outcomes.add(event.type === 'unknown' ? 'unknown' : 'good');
      } catch (fault) {
        if (!(fault instanceof DecodeError || fault instanceof MalformedFrame)) throw fault;
        outcomes.add(fault.name);
      }
    }
    expect([...outcomes].sort()).toEqual(['DecodeError', 'MalformedFrame', 'good', 'unknown']);
  });

  it('REQ-WIRE-06 replaces lone surrogates and nothing else', () => {
    const parts = ['\\ud83d', '\\ude00', '\\\\', '\\n', '\\u0041', 'a', '\\"'];
    for (let run = 0; run < 5_000; run += 1) {
      const text = Array.from({ length: random(8) }, () => parts[random(parts.length)]).join('');
      const mended: string = JSON.parse(`"${mendSurrogates(text)}"`);
      expect(mended).toBe((JSON.parse(`"${text}"`) as string).replace(/\p{Surrogate}/gu, '\ufffd'));
    }
  });
});

describe('actions', () => {
  it('REQ-CALL-04 leaves out what is undefined, in the order of the specification', () => {
    const action = makeAction('send_message', {
      message: 'Grüße 😀',
      sessionId: 's',
      stream: undefined as unknown as boolean,
    });
    expect(encodeAction(action)).toBe(
      '{"action":"send_message","sessionId":"s","message":"Grüße 😀"}',
    );
  });

  it.each([
    ['a missing member', { sessionId: 's' }],
    ['a wrong type', { sessionId: 's', message: 5 }],
    ['null', { sessionId: 's', message: 'm', model: null }],
    ['an unknown member', { sessionId: 's', message: 'm', before: 'x' }],
    ['a fault further in', { sessionId: 's', message: 'm', images: [{ url: 1 }] }],
    ['no object', undefined],
  ])('REQ-ERR-05 refuses %s with a TypeError', (_, params) => {
    expect(() => makeAction('send_message', params as ActionParams<'send_message'>)).toThrow(
      TypeError,
    );
  });

  it('REQ-CALL-12 holds the bounds of the schema and checks no format', () => {
    const message = 'x'.repeat(10_000);
    expect(makeAction('send_message', { sessionId: 'no uuid', message }).message).toBe(message);
    const long = { sessionId: 's', message: `${message}x` };
    expect(() => makeAction('send_message', long)).toThrow('send_message.message: not allowed');
  });

  it('knows every action by its wire name', () => {
    expect(ACTION_NAMES).toHaveLength(12);
  });
});

describe('types', () => {
  it('REQ-WIRE-01 makes a switch over the type exhaustive with `unknown`', () => {
    const describe_ = (event: ServerEvent): string => {
      if (event.type === 'stream_token') return event.token;
      if (event.type === 'unknown') return event.wireType;
      expectTypeOf(event.raw).toEqualTypeOf<JsonObject>();
      return event.type;
    };
    expect(describe_(decode(token('r', 'Hi')))).toBe('Hi');
  });
});
