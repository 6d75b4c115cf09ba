import { ERROR_CODES } from '../wire/errors';
import type { Citation, ToolCall, ToolResult, Usage } from '../wire/types';
import { faultOfSpec, type FormKind, type FormSpecs } from './forms';
import { isCloseCode } from './wires';

/** Tool of a question that names none. */
export const TOOL = 'fake_tool';

/** What an agent was to do cannot be done; the text says what and where. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

/** One step of a reply. */
export type Step =
  | { readonly do: 'say'; readonly type: SayType; readonly words: readonly string[] }
  | { readonly do: 'chunk'; readonly node: string; readonly facts: ChunkFacts }
  | {
      readonly do: 'confirm';
      readonly description: string;
      readonly toolId: string;
      readonly rejected: Reply | undefined;
    }
  | ({ readonly do: 'otp' } & Required<OtpFacts>)
  | {
      readonly do: 'interaction';
      readonly kind: string;
      readonly spec: unknown;
      readonly reason: string;
    }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'cut'; readonly code: number }
  | { readonly do: 'malformed'; readonly text: string }
  | { readonly do: 'error'; readonly code: string; readonly message: string }
  | ({ readonly do: 'finish' } & FinishFacts & { readonly text: string | undefined });

type SayType = 'stream_token' | 'stream_reasoning' | 'stream_preamble';

/** What a chunk shows: a call and a result of a tool. */
export interface ChunkFacts {
  readonly toolCall?: ToolCall;
  readonly toolResult?: ToolResult;
  /** Whether the node has finished. */
  readonly done?: boolean;
}

/** What a confirmation may say beside its description. */
export interface ConfirmFacts {
  /** Tool that wants to run. @default 'fake_tool' */
  readonly toolId?: string;
  /** What follows a rejection in place of the next steps: a reply, or a function that writes one. */
  readonly rejected?: Reply | ((reply: Reply) => unknown);
}

/** How a one-time code is asked for. */
export interface OtpFacts {
  /** The one right code. @default '123456' */
  readonly code?: string;
  /** Tries that there are. @default 3 */
  readonly attempts?: number;
  /** How the code travels. @default 'email' */
  readonly channel?: string;
  /** Where it goes, masked. @default 'a***@example.com' */
  readonly masked?: string;
}

/** What an answer says beside its text. */
export interface FinishFacts {
  readonly citations?: readonly Citation[] | undefined;
  readonly usage?: Usage | undefined;
  readonly suggestions?: readonly string[] | undefined;
}

/**
 * What the agent does with a message: steps that run in order, once a turn. Every verb returns the
 * reply. One without `finish` or `error` leaves its turn open.
 *
 * @throws {ScriptError} every verb: a step behind the end, or one that the protocol does not have.
 */
export class Reply {
  readonly #steps: Step[] = [];
  #end = '';
  #isOnce = false;

  /** The steps so far. */
  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Whether the reply serves a single message. */
  get isOnce(): boolean {
    return this.#isOnce;
  }

  /** Lets the reply serve a single message; it may be said anywhere, also behind the end. */
  once(): this {
    this.#isOnce = true;
    return this;
  }

  /** One `stream_token` each; joined they are the text of the answer. */
  tokens(...words: string[]): this {
    return this.#add({ do: 'say', type: 'stream_token', words });
  }

  /** One `stream_reasoning` each. */
  reasoning(...words: string[]): this {
    return this.#add({ do: 'say', type: 'stream_reasoning', words });
  }

  /** A `stream_preamble`. */
  preamble(text: string): this {
    return this.#add({ do: 'say', type: 'stream_preamble', words: [text] });
  }

  /** A `stream_chunk` of a node. */
  chunk(node: string, facts: ChunkFacts = {}): this {
    return this.#add({ do: 'chunk', node, facts });
  }

  /**
   * Asks for a confirmation and waits for it. Rejected the steps go on as well, or with `rejected`
   * those instead.
   */
  confirm(description: string, { toolId = TOOL, rejected }: ConfirmFacts = {}): this {
    let instead = rejected instanceof Reply ? rejected : undefined;
    if (typeof rejected === 'function') {
      instead = new Reply();
      rejected(instead);
    }
    return this.#add({ do: 'confirm', description, toolId, rejected: instead });
  }

  /**
   * Asks for a one-time code and waits for the right one. The last wrong one, or a refusal, ends the
   * turn with AGENT_ERROR.
   */
  otp(facts: OtpFacts = {}): this {
    const { code = '123456', attempts = 3, channel = 'email', masked = 'a***@example.com' } = facts;
    if (!Number.isInteger(attempts) || attempts < 1) {
      throw new ScriptError('otp(): attempts must be a whole number from 1 on');
    }
    return this.#add({ do: 'otp', code, attempts, channel, masked });
  }

  /** Asks by a form and waits for values that its spec takes, or for a refusal. */
  interaction<K extends FormKind>(
    kind: K,
    spec: FormSpecs[K],
    { reason = '' }: { readonly reason?: string } = {},
  ): this {
    const fault = faultOfSpec(kind, spec);
    if (fault) throw new ScriptError(`interaction(): ${fault}`);
    return this.#add({ do: 'interaction', kind, spec, reason });
  }

  /** Nothing until the clock has moved by `ms` milliseconds. */
  delay(ms: number): this {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      throw new ScriptError('delay(): expected milliseconds from 0 on');
    }
    return this.#add({ do: 'delay', ms });
  }

  /**
   * Ends the link of the client: 1006 without a close frame. Directly behind a question it is cut
   * while the question is open. With `replay` the turn goes on behind it.
   */
  cut(code = 1006): this {
    if (!isCloseCode(code)) throw new ScriptError(`cut(): no peer may send the close code ${code}`);
    return this.#add({ do: 'cut', code });
  }

  /** A text as a frame, as it is. */
  malformed(text = '{'): this {
    return this.#add({ do: 'malformed', text });
  }

  /** The `error` event of the turn, and its end. */
  error(code: string, message = 'the agent failed'): this {
    if (!Object.hasOwn(ERROR_CODES, code)) {
      throw new ScriptError(`error(): ${code} is no code of the protocol`);
    }
    if (ERROR_CODES[code]?.terminal === 'never') {
      throw new ScriptError(`error(): ${code} ends no turn`);
    }
    return this.#add({ do: 'error', code, message }, 'error()');
  }

  /** The `eventual_response`, and the end; without a text it is that of the tokens. */
  finish(text?: string, facts: FinishFacts = {}): this {
    return this.#add({ do: 'finish', text, ...facts }, 'finish()');
  }

  #add(step: Step, end = ''): this {
    if (this.#end) {
      throw new ScriptError(`a reply has ended with ${this.#end}: no step can follow`);
    }
    this.#steps.push(step);
    this.#end = end;
    return this;
  }
}
