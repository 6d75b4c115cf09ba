import { describe, expect, it } from 'vitest';
import {
  callMachine,
  connectionMachine,
  otpMachine,
  step,
  turnMachine,
} from '../../src/wire/machine';

const never = (): boolean => false;
const names = (found: { effects: readonly { name: string }[] }): string[] =>
  found.effects.map((effect) => effect.name);

describe('step', () => {
  it('REQ-CONN-02 takes the first row that fits and stays put without one', () => {
    expect(step(connectionMachine, 'idle', 'connect', never).state).toBe('connecting');
    const nothing = step(connectionMachine, 'idle', 'opened', never);
    expect(nothing).toEqual({ state: 'idle', effects: [] });
  });

  it('REQ-CONN-02 never enters reconnecting', () => {
    const targets = [...connectionMachine.rows.values()].flat().map((row) => row.to);
    expect(targets).not.toContain('reconnecting');
  });

  it('REQ-TURN-03 a settled turn has taps alone', () => {
    for (const event of turnMachine.rows.keys()) {
      const found = step(turnMachine, 'settled', event, () => true);
      expect([found.state, names(found).filter((name) => name !== 'tap')]).toEqual(['settled', []]);
    }
  });

  it('REQ-OTP-02 guards choose between reopening and closing', () => {
    const again = step(otpMachine, 'answered', 'otp_invalid', (guard) => guard === 'attempts_left');
    expect([again.state, names(again)]).toEqual(['open', ['reopen']]);
    const over = step(otpMachine, 'answered', 'otp_invalid', never);
    expect([over.state, names(over)]).toEqual(['none', ['shut']]);
  });

  it('REQ-CALL-03 a keepalive leaves a call waiting', () => {
    expect(step(callMachine, 'waiting', 'keepalive', never).state).toBe('waiting');
  });
});
