import { describe, expect, it } from '@jest/globals';
import { ERRORS, isErrorCode, NON_RETRYABLE_CODES, OrreryError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('the catalogue', () => {
  it.each(CODES)('says of %s what it means and what to do next', (code) => {
    const { meaning, action } = ERRORS[code];
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    for (const text of [meaning, action]) {
      expect(text).toMatch(/^[A-Z]/);
      expect(text).not.toMatch(/[.!]$/);
      expect(text.length).toBeGreaterThan(15);
    }
  });

  it('tells each meaning once', () => {
    expect(new Set(CODES.map((code) => ERRORS[code].meaning)).size).toBe(CODES.length);
  });

  it('names as non-retryable exactly the codes that are not retryable', () => {
    expect(NON_RETRYABLE_CODES).toEqual(CODES.filter((code) => !ERRORS[code].retryable));
    expect(NON_RETRYABLE_CODES).toContain('SIGNATURE_INVALID');
    // Verification that is unavailable is tried again; verification that fails is final.
    expect(NON_RETRYABLE_CODES).not.toContain('SIGNER_UNAVAILABLE');
  });

  it('knows its own codes and nothing else', () => {
    expect(CODES.every(isErrorCode)).toBe(true);
    expect([null, 1, '', 'toString', '__proto__', 'NO_SUCH_CODE'].some(isErrorCode)).toBe(false);
  });
});

describe('OrreryError', () => {
  it('keeps code, message, cause and details', () => {
    const cause = new Error('connection reset');
    const error = new OrreryError('DISK_FULL', 'Cannot write "a": no space', {
      cause,
      details: { bytes: 1 },
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'OrreryError',
      code: 'DISK_FULL',
      message: 'Cannot write "a": no space',
      cause,
      details: { bytes: 1 },
    });
  });

  it('has no cause member without a cause, and empty details', () => {
    const error = new OrreryError('INTERNAL', 'Cannot go on');
    expect('cause' in error).toBe(false);
    expect(error.details).toEqual({});
  });
});
