import { type ConnectionState, connectionMachine, type LocalWord, step } from './wire/index';

/** One move of the link (REQ-CONN-02). */
export interface StateChange {
  readonly previous: ConnectionState;
  readonly current: ConnectionState;
  /** The word of the machine's event: connect, opened, connect_failed, close, lost, … */
  readonly reason: LocalWord;
  /** Close code, when the link was closed. */
  readonly code?: number;
  /** What made the attempt fail. */
  readonly error?: Error;
}

const never = (): boolean => false;

/** Current state of one link; reports each change exactly once. Pure but for the report. */
export class LinkState {
  current: ConnectionState = connectionMachine.initial;
  readonly #report: (change: StateChange) => void;

  constructor(report: (change: StateChange) => void) {
    this.#report = report;
  }

  /** Steps on a local event; returns whether the state changed. */
  on(reason: LocalWord, facts: { code?: number; error?: Error } = {}): boolean {
    const { state, effects } = step(connectionMachine, this.current, reason, never);
    if (effects.length === 0) return false;
    const previous = this.current;
    this.current = state;
    const closes = effects.find((effect) => effect.name === 'close')?.args[0];
    const code = facts.code ?? (closes === undefined ? undefined : Number(closes));
    this.#report({
      previous,
      current: state,
      reason,
      ...(code === undefined ? {} : { code }),
      ...(facts.error === undefined ? {} : { error: facts.error }),
    });
    return true;
  }
}
