import type { Conversation, Question, QuestionKind, SendOptions, Turn, TurnResult } from '../index';

/** What answers the questions of each kind. */
export interface Answers {
  /** Whether the action is approved. */
  readonly confirmation: boolean;
  /** The one-time code as typed; null declines it. */
  readonly otp: string | null;
  /** The values of the form; null declines it. */
  readonly interaction: object | null;
}

/** A question that waits for an answer. */
export type OpenQuestion = {
  [K in QuestionKind]: {
    readonly kind: K;
    /** What is asked. */
    readonly event: Question<K>['event'];
    /** Answers it. What was wrong with a code or a form opens the question again. */
    answer(answer: Answers[K]): void;
  };
}[QuestionKind];

/** What there is to show of a conversation. */
export interface ConversationView {
  /** `running` while a turn is in flight; then how the last one ended; `idle` before the first. */
  readonly state: 'idle' | 'running' | 'completed' | 'cancelled' | 'failed';
  /** Text of the turn that runs or was last, as it streams. */
  readonly text: string;
  /** The question that waits for an answer. */
  readonly question: OpenQuestion | undefined;
  /** What the last turn came to, when it did not fail. */
  readonly result: TurnResult | undefined;
  /** Why the last turn, or an answer, failed. */
  readonly error: unknown;
  /** The turn that runs or was last. */
  turn(): Turn | undefined;
}

const KINDS: readonly QuestionKind[] = ['confirmation', 'otp', 'interaction'];

/** Follows the turns of one conversation, and tells what shows them. */
export class Follower {
  readonly #conversation: Conversation | undefined;
  readonly #listeners = new Set<() => void>();
  #turn: Turn | undefined;
  #asked: Question | undefined;
  #view: ConversationView = {
    state: 'idle',
    text: '',
    question: undefined,
    result: undefined,
    error: undefined,
    turn: () => this.#turn,
  };

  constructor(conversation: Conversation | undefined) {
    this.#conversation = conversation;
  }

  readonly view = (): ConversationView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @throws {TypeError} there is no conversation yet, or an argument is wrong. */
  send(message: string, options?: SendOptions): void {
    if (!this.#conversation) throw new TypeError('send(): there is no conversation yet');
    const turn = this.#conversation.send(message, options);
    this.#turn = turn;
    this.#show({ state: 'running', text: '', result: undefined, error: undefined });
    void this.#follow(turn);
  }

  cancel(): void {
    if (this.#view.state === 'running') this.#try(this.#turn?.cancel());
  }

  async #follow(turn: Turn): Promise<void> {
    try {
      for await (const _ of turn) {
        if (turn === this.#turn) this.#look(turn);
      }
      const result = await turn;
      this.#end(turn, { state: result.outcome, text: result.text, result });
    } catch (error) {
      this.#end(turn, { state: 'failed', text: turn.partialText, error });
    }
  }

  #end(turn: Turn, view: Partial<ConversationView>): void {
    if (turn === this.#turn) this.#show({ question: undefined, ...view });
  }

  /** Shows what an event changed. */
  #look(turn: Turn): void {
    const asked = KINDS.map((kind) => turn.question(kind)).find((found) => found);
    const { text } = this.#view;
    if (asked?.event === this.#asked?.event && turn.partialText === text) return;
    this.#asked = asked;
    this.#show({ text: turn.partialText, question: asked && this.#open(turn, asked) });
  }

  #open(turn: Turn, { kind, event }: Question): OpenQuestion {
    const answer = (given: never): void => {
      this.#show({ question: undefined, error: undefined });
      this.#try(answered(turn, kind, given), () => {
        // A code or a form that was not taken is asked for again.
        this.#asked = undefined;
        this.#look(turn);
      });
    };
    return { kind, event, answer } as OpenQuestion;
  }

  #try(answer: PromiseLike<unknown> | undefined, then = (): void => {}): void {
    answer?.then(then, (error: unknown) => this.#show({ error }));
  }

  #show(change: Partial<ConversationView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

function answered(turn: Turn, kind: QuestionKind, given: unknown): PromiseLike<unknown> {
  if (kind === 'confirmation') return turn.confirm(given === true);
  if (kind === 'otp') return given === null ? turn.decline('otp') : turn.verifyOtp(String(given));
  return given === null ? turn.decline('interaction') : turn.submit(given as object);
}
