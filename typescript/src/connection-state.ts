import {
  CONNECTION,
  type ConnectionEffect,
  type ConnectionState,
  type Facts,
  step,
  type StepEvent,
} from './wire/steps';

/** One move of the link, or one wait for another attempt to move it (REQ-CONN-02). */
export interface StateChange {
  readonly previous: ConnectionState;
  /** The state from now on; equal to `previous` where the first link goes on being sought. */
  readonly current: ConnectionState;
  /** The word of the machine's event: connect, opened, connect_failed, close, lost, … */
  readonly reason: StepEvent;
  /** Close code, when the link was closed. */
  readonly code?: number;
  /** What made the attempt fail, or why the link is given up. */
  readonly error?: Error;
  /** Number of the attempt to come, from 1; missing when none comes (REQ-CONN-31). */
  readonly attempt?: number;
  /** Milliseconds until that attempt; 0 = at once, with another token (REQ-CONN-34). */
  readonly retryInMs?: number;
  /**
   * The link was found again after a session had been opened: events outside a turn may have been
   * missed (REQ-CONN-42).
   */
  readonly missed?: true;
}

/** State of the link of one client, stepped through the table `connection`. Pure. */
export class LinkState {
  current: ConnectionState = CONNECTION.initial;

  /** Whether an attempt runs or follows: what waits for a link goes on waiting. */
  get sought(): boolean {
    return this.current === 'connecting' || this.current === 'reconnecting';
  }

  /** Steps on an event; returns what is to be done about it, in order. */
  on(event: StepEvent, facts: Facts): readonly ConnectionEffect[] {
    const { state, effects } = step(CONNECTION, this.current, event, facts);
    this.current = state;
    return effects;
  }
}
