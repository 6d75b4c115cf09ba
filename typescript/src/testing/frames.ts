// Events of a server, built in one place. Pure. Facts that travel twice are written twice, and
// members without a value are left out. `now` is epoch milliseconds.
import type { JsonObject } from '../wire/json';
import type { Citation, ToolCall, ToolResult, Usage } from '../wire/types';

/** A frame, or what a frame is made of. */
export type Frame = Record<string, unknown>;

function event(type: string, requestId: string | undefined, now: number, more: Frame): Frame {
  return { type, ...(requestId === undefined ? {} : { requestId }), ...more, timestamp: now };
}

/** An event whose facts lie two envelopes deep. */
export function detailed(type: string, requestId: string, now: number, details: Frame): Frame {
  return event(type, requestId, now, { data: { requestId, data: details } });
}

export function pong(requestId: string | undefined, now: number): Frame {
  return event('pong', requestId, now, { data: { timestamp: now } });
}

export function response(
  requestId: string | undefined,
  now: number,
  status: number,
  message: string,
  data: Frame,
): Frame {
  return event('immediate_response', requestId, now, { status, message, data });
}

/** An `error` with both copies; `terminal` only toward sessions that listed `spec_1_1`. */
export function failure(
  requestId: string | undefined,
  now: number,
  code: string,
  message: string,
  terminal?: boolean,
): Frame {
  const error = { code, message, ...(terminal === undefined ? {} : { terminal }) };
  const id = requestId === undefined ? {} : { requestId };
  return event('error', requestId, now, { error, data: { ...id, error: { ...error } } });
}

export function cancelled(requestId: string, now: number): Frame {
  return event('cancelled', requestId, now, { status: 499, data: { requestId, status: 499 } });
}

export function turnResumed(requestId: string, now: number, state: string, lastSeq: number): Frame {
  return detailed('turn_resumed', requestId, now, { state, lastSeq });
}

/** `stream_token`, `stream_reasoning` or `stream_preamble`. */
export function piece(type: string, requestId: string, now: number, token: string): Frame {
  return event(type, requestId, now, { token, data: { requestId, token } });
}

export function chunk(
  requestId: string,
  now: number,
  node: string,
  shown?: Frame,
  done?: boolean,
): Frame {
  const state = shown ? { rawResponse: shown } : {};
  const end = done === undefined ? {} : { done };
  return event('stream_chunk', requestId, now, { node, data: { requestId, node, state, ...end } });
}

export function toolCall(requestId: string, now: number, call: ToolCall): Frame {
  return chunk(requestId, now, call.name, { toolCall: call });
}

export function toolResult(requestId: string, now: number, result: ToolResult): Frame {
  return chunk(requestId, now, result.name, { toolResult: result });
}

/** What the answer that ends a turn says. */
export interface Ending {
  readonly messageId: string;
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly usage: Usage | undefined;
  readonly suggestions: readonly string[];
}

export function eventualResponse(requestId: string, now: number, said: Ending): Frame {
  const { messageId, text, citations, usage, suggestions } = said;
  const next = suggestions.length > 0 ? { suggestedNextActions: [...suggestions] } : {};
  const answer: JsonObject = {
    messageId,
    response: text === '' ? '' : { responseParts: [text], ...next },
    ...(usage ? { usage: { ...usage } } : {}),
    ...(citations.length > 0 ? { citations: citations.map((one) => ({ ...one })) } : {}),
  } as unknown as JsonObject;
  const data = { requestId, status: 200, data: answer };
  return event('eventual_response', requestId, now, { status: 200, data });
}
