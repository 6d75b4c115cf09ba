import type { Json, JsonObject, ServerEvent, ToolCall as WireToolCall } from './wire/index';

/** Text of one turn. */
export class Accumulator {
  #tokens: string[] = [];

  /** What was streamed so far. */
  get text(): string {
    // Joined on demand and kept joined: reading after every token stays cheap.
    if (this.#tokens.length > 1) this.#tokens = [this.#tokens.join('')];
    return this.#tokens[0] ?? '';
  }

  add(token: string): void {
    this.#tokens.push(token);
  }

  /** Returns the authoritative text of an answer (REQ-TURN-09). */
  finalText(response: Json): string {
    if (typeof response === 'string') return response;
    const parts = isObject(response) ? response.responseParts : undefined;
    if (!Array.isArray(parts) || parts.length === 0) return this.text;
    return parts.filter((part) => typeof part === 'string').join('\n\n');
  }
}

/** A tool that the agent calls (REQ-TURN-19). */
export interface ToolCall {
  readonly name: string;
  /** Empty when they were neither an object nor a string that holds one. */
  readonly arguments: JsonObject;
  readonly callId?: string;
}

/** What a tool returned. */
export interface ToolResult {
  readonly name: string;
  readonly isError?: boolean;
  readonly result?: Json;
  readonly callId?: string;
}

/** Returns the tool call that an event carries, undefined for any other event (REQ-TURN-19). */
export function toolCallOf(event: ServerEvent): ToolCall | undefined {
  const found = rawResponse(event, 'toolCall');
  if (!found) return undefined;
  return {
    name: found.name,
    arguments: argumentsOf(found.arguments),
    ...(typeof found.callId === 'string' ? { callId: found.callId } : {}),
  };
}

/** Returns the tool result that an event carries, undefined for any other event (REQ-TURN-19). */
export function toolResultOf(event: ServerEvent): ToolResult | undefined {
  const found = rawResponse(event, 'toolResult');
  if (!found) return undefined;
  const { name, isError, result, callId } = found;
  return {
    name,
    ...(typeof isError === 'boolean' ? { isError } : {}),
    ...(result === undefined || result === null ? {} : { result }),
    ...(typeof callId === 'string' ? { callId } : {}),
  };
}

type Named = JsonObject & Pick<WireToolCall, 'name'>;

function rawResponse(event: ServerEvent, member: string): Named | undefined {
  if (event.type !== 'stream_chunk') return undefined;
  const raw = event.state.rawResponse;
  const found = isObject(raw) ? raw[member] : undefined;
  return isObject(found) && typeof found.name === 'string' ? (found as Named) : undefined;
}

function argumentsOf(value: Json | undefined): JsonObject {
  if (typeof value !== 'string') return isObject(value) ? value : {};
  try {
    const parsed: Json = JSON.parse(value);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
