import { describe, expect, it } from 'vitest';
import * as sdk from '../src/index';
import { errorOfCode, errorOfKind } from '../src/errors';
import { ERROR_CODES, ERROR_KINDS, type ErrorKind, LEAF_BASES } from '../src/wire/errors';

const classes = sdk as unknown as Record<string, new (message: string) => sdk.SmoothAgentError>;

describe('errors', () => {
  it.each(Object.keys(ERROR_KINDS) as ErrorKind[])('REQ-ERR-01 has a class for kind %s', (kind) => {
    const error = errorOfKind(kind, 'what happened', { requestId: 'r', closeCode: 1006 });
    const { leaf, parent, retryable } = ERROR_KINDS[kind];
    expect(error).toMatchObject({
      name: `${leaf}Error`,
      kind,
      retryable,
      message: 'what happened',
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
});
