// What the client shows, in the words of PROTOCOL.md.
import {
  type Ask,
  type Conversation,
  SmoothAgentError,
  type Turn,
  type TurnEvents,
  type TurnItem,
  type TurnResult,
  toolCallOf,
  toolResultOf,
} from '@smooai/smooth-operator';
import { EVENT_FACTS } from '@smooai/smooth-operator/testing';

export type Body = Record<string, unknown>;

/** The reason with which the testee aborts: only it is native cancellation. */
export class Aborted extends Error {}

const QUESTIONS: Body = {
  write_confirmation_required: 'confirmation',
  interaction_required: 'interaction',
};

/** What a handler is asked. */
export function askBody({ requestId, sessionId, signal: _, event, ...facts }: Ask): Body {
  const { prompt: __, ...ask } = facts as Body;
  for (const list of ['availableChannels', 'errors']) {
    if ((ask[list] as unknown[] | undefined)?.length === 0) delete ask[list];
  }
  return { question: QUESTIONS[event.type] ?? 'otp', requestId, sessionId, ask };
}

/** JSON has no `undefined`: what is not there is left out when a line is written. */
export function errorBody(error: unknown, protocol: number): Body {
  if (error instanceof Aborted) return { kind: 'native_cancelled' };
  if (!(error instanceof SmoothAgentError)) {
    const text = error instanceof Error ? error.message : String(error);
    return { kind: 'invalid_argument', ...(protocol === 2 ? { text } : {}) };
  }
  const { kind, code, requestId, closeCode, details } = error;
  const { pointer, status, retryAfterMs, question, sent, state, code: said, ...more } = details;
  const { message: text, retryable, sessionId, closeReason, serverMessage, partialText } = error;
  if (protocol === 2) {
    const ids = { code: code ?? said, requestId, sessionId };
    const known = { retryable, ...ids, closeCode, closeReason, serverMessage };
    const facts = { partialText, question, sent, state, status, retryAfterMs, at: pointer };
    return { kind, text, ...known, ...facts, details: more };
  }
  return {
    kind,
    code,
    request: requestId,
    close: closeCode,
    at: pointer,
    status,
    retryAfterMs,
    question,
    sent,
  };
}

export function itemBody(event: TurnItem): Body {
  if (event.type === 'unknown') {
    const { type, wireType, raw, problem } = event;
    return { type, unknown: true, wireType, raw, problem };
  }
  const facts = EVENT_FACTS[event.type].map((name) => [name, event[name as keyof typeof event]]);
  const tool = { toolCall: toolCallOf(event), toolResult: toolResultOf(event) };
  return {
    type: event.type,
    merged: event.merged,
    data: event,
    flat: { ...Object.fromEntries(facts), ...tool },
  };
}

export function resultBody(result: TurnResult): Body {
  const { outcome, text, messageId, citations, usage, confirmed } = result;
  const shown = outcome === 'cancelled' ? { confirmed } : {};
  return { outcome, ...shown, text, messageId, citations, usage };
}

export const isConversation = (value: unknown): value is Conversation =>
  typeof value === 'object' && value !== null && 'conversationId' in value && 'send' in value;

export function valueBody(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (!isConversation(value)) {
    const { turn: _, ...facts } = value as Body;
    return Object.keys(facts).length > 0 ? facts : null;
  }
  return { sessionId: value.sessionId, conversationId: value.conversationId };
}

/** One iteration that can be held. */
export class Watch {
  readonly abort = new AbortController();
  readonly #iterator: TurnEvents;
  #go = (): void => {};
  left = false;
  #more: number;

  constructor(turn: Turn, more = Number.POSITIVE_INFINITY) {
    this.#more = more;
    this.#iterator = turn.events({ signal: this.abort.signal });
    this.abort.signal.addEventListener('abort', () => this.#go());
  }

  hold(more: number): void {
    this.#more = more;
    if (more > 0) this.#go();
  }

  leave(): void {
    this.left = true;
    void this.#iterator.return();
    this.#go();
  }

  async *items(): AsyncGenerator<TurnItem> {
    for (;;) {
      if (this.#more <= 0 && !this.left) {
        await new Promise<void>((go) => {
          this.#go = go;
        });
      }
      const { done, value } = await this.#iterator.next();
      if (done) return;
      this.#more -= 1;
      yield value;
    }
  }
}
