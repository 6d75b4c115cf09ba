import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as sdk from '../src/index';
import { errorOfCode, errorOfKind } from '../src/errors';
import {
  ERROR_CODES,
  ERROR_KINDS,
  type ErrorKind,
  LEAF_BASES,
  PARENT_KINDS,
} from '../src/wire/errors';

const classes = sdk as unknown as Record<string, new (message: string) => sdk.SmoothAgentError>;

describe('errors', () => {
  it.each(Object.keys(ERROR_KINDS) as ErrorKind[])('REQ-ERR-01 has a class for kind %s', (kind) => {
    const error = errorOfKind(kind, { requestId: 'r', closeCode: 1006, host: 'h:1' });
    const { leaf, retryable } = ERROR_KINDS[kind];
    const parent = PARENT_KINDS[kind];
    expect(error).toMatchObject({
      name: `${leaf}Error`,
      kind,
      retryable,
      message: expect.not.stringMatching(/[{}[\]]|undefined/),
    });
    expect(error).toMatchObject({ requestId: 'r', closeCode: 1006, details: {}, partialText: '' });
    const base = parent ? classes[`${ERROR_KINDS[parent].leaf}Error`] : sdk.SmoothAgentError;
    expect(error).toBeInstanceOf(base);
  });

  it.each(Object.keys(ERROR_CODES))('REQ-ERR-02 maps code %s by the table', (code) => {
    const row = ERROR_CODES[code];
    const error = errorOfCode(code, { details: { retryAfterMs: 5 } });
    expect(error).toMatchObject({ code, kind: row?.kind, retryable: row?.retryable });
    expect(error.name).toBe(`${row?.leaf}Error`);
    expect(error.details).toEqual({ retryAfterMs: 5 });
  });

  it('REQ-ERR-03 keeps an unknown code as kind protocol', () => {
    const error = errorOfCode('FLUX', {});
    expect(error).toMatchObject({ code: 'FLUX', kind: 'protocol', retryable: false });
    expect(error.constructor).toBe(sdk.ProtocolError);
    expect(errorOfCode('toString', {}).kind).toBe('protocol');
  });

  it.each(Object.entries(LEAF_BASES))('REQ-ERR-01 derives %s from %s', (leaf, base) => {
    const type = classes[`${base}Error`];
    expect(Object.getPrototypeOf(classes[`${leaf}Error`])).toBe(type);
  });

  it("REQ-ERR-06 REQ-ERR-07 keeps the server's sentence out of text and textual form", () => {
    const facts = { host: 'h:1', serverMessage: 'hush', closeReason: 'psst', requestId: 'req-1' };
    const error = errorOfCode('RATE_LIMITED', { ...facts, code: 'RATE_LIMITED' });
    expect(error).toMatchObject({ serverMessage: 'hush', closeReason: 'psst' });
    expect(error.message).toContain('h:1');
    const json = JSON.stringify(error);
    expect(JSON.parse(json)).toMatchObject({ name: 'RateLimitedError', requestId: 'req-1' });
    expect(`${error}${json}`).not.toMatch(/hush|psst/);
  });

  it('REQ-ERR-04 REQ-ERR-08 no print of an error shows what people and servers wrote', () => {
    const shown = { serverMessage: 'hush', closeReason: 'psst', partialText: 'dear diary' };
    const details = { body: 'quiet', details: { why: 'secretly' } };
    const error = errorOfKind('turn_interrupted', { ...shown, details, cause: new Error('cause') });
    const event = { raw: 'whisper' } as never;
    const text = inspect([error, errorOfKind('unexpected_event', { event })], { depth: 9 });
    const words = /hush|psst|diary|quiet|secretly|whisper/;
    expect(`${text}${JSON.stringify(error)}${JSON.stringify({ ...error })}`).not.toMatch(words);
    expect(text).toContain('[cause]');
    expect(error).toMatchObject({ ...shown, details });
  });

  it('REQ-ERR-01 is told from others across copies of the package', () => {
    expect(sdk.SmoothAgentError.is(errorOfKind('timeout', {}))).toBe(true);
    expect([new Error('x'), null, {}, 'x'].some(sdk.SmoothAgentError.is)).toBe(false);
  });
});
