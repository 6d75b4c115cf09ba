import { CONNECTION, type ConnectionState, step, type StepEvent } from './wire/steps';

/** One move of the link (REQ-CONN-02). */
export interface StateChange {
  readonly previous: ConnectionState;
  readonly current: ConnectionState;
  /** The word of the machine's event: connect, opened, connect_failed, close, lost, … */
  readonly reason: StepEvent;
  /** Close code, when the link was closed. */
  readonly code?: number;
  /** What made the attempt fail. */
  readonly error?: Error;
}

/** What an event asks of the supervisor. */
export interface Move {
  /** The move to report; missing when the state stays. */
  readonly change?: { readonly previous: ConnectionState; readonly current: ConnectionState };
  /** Code of the close frame that is to be sent. */
  readonly closeWith?: number;
}

/** State of the link of one client, stepped through the table `connection`. Pure. */
export class LinkState {
  current: ConnectionState = CONNECTION.initial;

  /** Steps on an event and returns what it asks for. */
  on(event: StepEvent): Move {
    const previous = this.current;
    const { state, effects } = step(CONNECTION, previous, event, {});
    this.current = state;
    let move: Move = {};
    for (const effect of effects) {
      switch (effect.do) {
        case 'state':
          move = { ...move, change: { previous, current: effect.linkState } };
          break;
        case 'close':
          move = { ...move, closeWith: effect.closeCode };
          break;
        // Rows of a link that is sought anew: none fires while the facts lack the option for it.
        case 'fail':
        case 'schedule':
        case 'attempt':
        case 'renew_token':
        case 'probe':
          break;
        default:
          effect satisfies never;
      }
    }
    return move;
  }
}
