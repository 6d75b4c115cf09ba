import { checkHandlers, type Handlers, mergedHandlers } from './handlers';
import { messagesOf } from './history';
import type { Answer } from './requests-answer';
import type { Turn, WaitOptions } from './turn';
import type { TurnResult } from './turn-result';
import type { ActionParams, ConversationMessage, MessagePage } from './wire/index';

/** What `send` takes beside the text. */
export type SendOptions = Omit<ActionParams<'send_message'>, 'sessionId' | 'message'> &
  WaitOptions & {
    /** For this message; they come before those of the conversation (REQ-ASK-01). */
    readonly handlers?: Handlers | undefined;
  };

/** What a conversation needs of its client. */
export interface Speaker {
  sendMessage(
    params: ActionParams<'send_message'>,
    options?: WaitOptions & { readonly handlers?: Handlers },
  ): Turn;
  getConversationMessages(
    params: ActionParams<'get_conversation_messages'>,
    options?: WaitOptions,
  ): Answer<MessagePage>;
}

/** The facts of a session. */
export interface SessionFacts {
  /** Session that every action of this conversation names. */
  readonly sessionId: string;
  /** Conversation; survives the session. */
  readonly conversationId: string;
  /** Display name of the agent, where the server said it. */
  readonly agentName: string | undefined;
  /** Capability words of the server; empty where it did not say. */
  readonly capabilities: readonly string[];
}

/** One session on one conversation; made by `startConversation` and `resumeConversation`. */
export interface Conversation extends SessionFacts {
  /**
   * Says something; returns the turn at once, its frame queued (REQ-TURN-01).
   *
   * @throws {TypeError} an argument is wrong; everything else settles the turn.
   */
  send(message: string, options?: SendOptions): Turn;
  /**
   * Says something and waits for the whole answer.
   *
   * @throws {SmoothAgentError} the turn failed; the signal's reason when that aborted.
   */
  ask(message: string, options?: SendOptions): Answer<TurnResult>;
  /**
   * Returns the turn that ran when this conversation was opened, from its first event on. After a
   * restart of the application, or on a second device, it is taken up: suspended until the server
   * has told its events, at once when the link is open. The one that this client has already is
   * that one, while it has not settled. Undefined when the server named none, or the session does
   * not replay (REQ-RESUME-11).
   */
  openTurn(): Turn | undefined;
  /** Yields the stored messages, newest first; `limit` is a page size (REQ-HIST-01). */
  messages(
    options?: { readonly limit?: number | undefined } & WaitOptions,
  ): AsyncGenerator<ConversationMessage, void, undefined>;
}

/** The handle of a conversation that its caller holds. */
export class ConversationHandle implements Conversation {
  readonly sessionId: string;
  readonly conversationId: string;
  readonly agentName: string | undefined;
  readonly capabilities: readonly string[];
  readonly #handlers: Handlers;
  readonly #running: () => Turn | undefined;
  readonly #speaker: Speaker;

  constructor(
    speaker: Speaker,
    facts: SessionFacts,
    handlers: Handlers,
    running: () => Turn | undefined,
  ) {
    this.#speaker = speaker;
    this.#handlers = handlers;
    this.#running = running;
    this.sessionId = facts.sessionId;
    this.conversationId = facts.conversationId;
    this.agentName = facts.agentName;
    this.capabilities = facts.capabilities;
  }

  send(message: string, { signal, handlers, ...optional }: SendOptions = {}): Turn {
    const own = mergedHandlers(this.#handlers, checkHandlers(handlers));
    return this.#speaker.sendMessage(
      { sessionId: this.sessionId, message, ...optional },
      { signal, handlers: own },
    );
  }

  ask(message: string, options: SendOptions = {}): Answer<TurnResult> {
    return this.send(message, options).result();
  }

  openTurn(): Turn | undefined {
    return this.#running();
  }

  messages({
    limit,
    signal,
  }: { readonly limit?: number | undefined } & WaitOptions = {}): AsyncGenerator<
    ConversationMessage,
    void,
    undefined
  > {
    return messagesOf((cursor) =>
      this.#speaker.getConversationMessages(
        {
          sessionId: this.sessionId,
          ...(limit === undefined ? {} : { limit }),
          ...(cursor === undefined ? {} : { cursor }),
        },
        { signal },
      ),
    );
  }
}
