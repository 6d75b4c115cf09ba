import type { Accumulator } from './accumulator';
import type {
  CancelledEvent,
  Citation,
  EventualResponseEvent,
  Json,
  ServerEvent,
  Usage,
} from './wire/index';

/** What came of a turn (REQ-TURN-18). It does not change any more. */
export interface TurnResult {
  /** The authoritative text, or the partial one of a cancelled turn (REQ-TURN-09). */
  readonly text: string;
  readonly outcome: 'completed' | 'cancelled';
  /** Of a cancelled turn alone: whether the server said so (REQ-STOP-02). */
  readonly confirmed?: boolean;
  readonly requestId: string;
  readonly sessionId: string;
  /** Stored message of the agent. */
  readonly messageId?: string;
  /** `response` of the terminal event, as received. */
  readonly response?: Json;
  readonly needsEscalation?: boolean;
  readonly escalationReason?: string;
  /** Tokens and cost, where the server counted them. */
  readonly usage?: Usage;
  readonly citations?: readonly Citation[];
  /** From `send` to the outcome, by the client's clock (REQ-LOG-03). */
  readonly durationMs: number;
  /** From `send` to the first `stream_token`; missing where none came. */
  readonly timeToFirstTokenMs?: number;
  /** The terminal event; missing when the end was local. */
  readonly event?: EventualResponseEvent | CancelledEvent;
  /** Members of the terminal event, as it shows them. */
  readonly type?: 'eventual_response' | 'cancelled';
  readonly status?: number;
  readonly data?: EventualResponseEvent['data'] | CancelledEvent['data'];
}

interface Outcome {
  readonly outcome: TurnResult['outcome'];
  readonly confirmed: boolean;
  readonly requestId: string;
  readonly sessionId: string;
  readonly event: ServerEvent | undefined;
  readonly text: Accumulator;
  readonly durationMs: number;
  readonly timeToFirstTokenMs?: number;
}

/** Returns the frozen result of a turn. */
export function resultOf({ event, text, confirmed, ...facts }: Outcome): TurnResult {
  const ids = facts.outcome === 'cancelled' ? { ...facts, confirmed } : facts;
  if (event?.type === 'eventual_response') {
    const { type, status, data } = event;
    return Object.freeze({
      ...ids,
      text: text.finalText(event.response),
      event,
      type,
      status,
      data,
      ...answerOf(event),
    });
  }
  if (event?.type === 'cancelled') {
    const { type, status, data } = event;
    return Object.freeze({
      ...ids,
      text: text.text,
      event,
      type,
      status,
      ...(data ? { data } : {}),
    });
  }
  return Object.freeze({ ...ids, text: text.text });
}

type Told =
  'messageId' | 'response' | 'needsEscalation' | 'escalationReason' | 'usage' | 'citations';

function answerOf(event: EventualResponseEvent): Pick<TurnResult, Told> {
  const { messageId, response, needsEscalation, escalationReason, usage, citations } = event;
  return {
    messageId,
    response,
    ...(needsEscalation === undefined ? {} : { needsEscalation }),
    ...(escalationReason === undefined ? {} : { escalationReason }),
    ...(usage === undefined ? {} : { usage }),
    ...(citations === undefined ? {} : { citations }),
  };
}
