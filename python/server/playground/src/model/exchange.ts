// One message and what came of it, as the chat shows it.
import {
  type Citation,
  type OtpCheck,
  type Question,
  type QuestionKind,
  type SubmitResult,
  type ToolCall,
  type ToolResult,
  toolCallOf,
  toolResultOf,
  type Turn,
  type TurnItem,
  type TurnResult,
} from '@smooai/smooth-operator';
import { Cell } from './cell';
import { KINDS } from './machine';
import { fateText, type Problem, problemOf } from './words';

/** So many pieces of a text are shown one by one, so that each can fade in. */
const MANY_PIECES = 200;

/** A tool that the agent uses. */
export interface Step {
  readonly key: string;
  readonly name: string;
  readonly call: ToolCall | undefined;
  readonly result: ToolResult | undefined;
}

/** The end of a turn, in figures. */
export interface Figures {
  readonly outcome: 'completed' | 'cancelled';
  readonly durationMs: number;
  readonly firstTokenMs: number | undefined;
  readonly tokens: number | undefined;
  readonly costUsd: number | undefined;
}

export interface Exchange {
  readonly asked: string;
  /** Name of the person who answered, where none of the agent's turns did. */
  readonly by: string | undefined;
  /** What happened in the conversation, beside what is said. */
  readonly note: string | undefined;
  readonly preamble: string;
  readonly reasoning: string;
  readonly steps: readonly Step[];
  /** What was streamed, piece by piece; the whole text as one when it is over. */
  readonly pieces: readonly string[];
  readonly isOver: boolean;
  /** Whether the turn waits for a link. */
  readonly isSuspended: boolean;
  readonly citations: readonly Citation[];
  readonly suggestions: readonly string[];
  readonly figures: Figures | undefined;
  readonly problem: Problem | undefined;
  /** What became of a message whose turn was interrupted. */
  readonly fate: string | undefined;
  /** What waits for this person. */
  readonly questions: readonly Question[];
}

const EMPTY: Exchange = {
  asked: '',
  by: undefined,
  note: undefined,
  preamble: '',
  reasoning: '',
  steps: [],
  pieces: [],
  isOver: false,
  isSuspended: false,
  citations: [],
  suggestions: [],
  figures: undefined,
  problem: undefined,
  fate: undefined,
  questions: [],
};

/** Where an answer stands: `answered` until the machine of the question says otherwise. */
export type QuestionStates = { readonly [K in QuestionKind]: 'none' | 'open' | 'answered' };

let count = 0;

/** What was said and what was answered; with a turn it is followed to its end. */
export class Talk {
  readonly id: number;
  readonly shown: Cell<Exchange>;
  /** Missing for what is read from the history. */
  readonly turn: Turn | undefined;
  /** Kinds that are answered, as far as nothing has told otherwise. */
  readonly #answered = new Set<QuestionKind>();
  /** Questions whose answer is on its way: they may be asked again. */
  readonly #onTheWay = new Map<QuestionKind, Question>();

  private constructor(shown: Exchange, turn: Turn | undefined) {
    count += 1;
    this.id = count;
    this.shown = new Cell(shown);
    this.turn = turn;
  }

  /** What the history holds. */
  static told(asked: string, answer: string | undefined): Talk {
    const pieces = answer === undefined ? [] : [answer];
    return new Talk({ ...EMPTY, asked, pieces, isOver: true }, undefined);
  }

  /** What a person has written. */
  static written(by: string, text: string): Talk {
    return new Talk({ ...EMPTY, by, pieces: [text], isOver: true }, undefined);
  }

  /** Something that happened. */
  static noted(note: string): Talk {
    return new Talk({ ...EMPTY, note, isOver: true }, undefined);
  }

  /** A turn that runs; `moved` is called whenever it may have come further. */
  static running(asked: string, turn: Turn, moved: (talk: Talk) => void): Talk {
    const talk = new Talk({ ...EMPTY, asked }, turn);
    talk.#follow(turn, () => {
      talk.look();
      moved(talk);
    });
    return talk;
  }

  get questionStates(): QuestionStates {
    const states = KINDS.map((kind) => [kind, this.#stateOf(kind)]);
    return Object.fromEntries(states) as QuestionStates;
  }

  /** Shows whether the turn waits, its open questions, and those whose answer may be refused yet. */
  look(): void {
    const { turn } = this;
    if (!turn) return;
    const questions = KINDS.flatMap(
      (kind): readonly Question[] | Question =>
        turn.question(kind) ?? this.#onTheWay.get(kind) ?? [],
    );
    const isSuspended = turn.state === 'suspended';
    if (isSuspended !== this.shown.value.isSuspended) this.#show({ isSuspended });
    const before = this.shown.value.questions;
    const isSame = questions.every((one, at) => one === before[at]);
    if (!isSame || questions.length !== before.length) this.#show({ questions });
  }

  async confirm(approved: boolean): Promise<void> {
    await this.#answer('confirmation', this.turn?.confirm(approved));
  }

  async verify(code: string): Promise<OtpCheck | undefined> {
    const check = await this.#answer('otp', this.turn?.verifyOtp(code));
    // The machine of this question rests once the code was right.
    if (check?.verified) this.#answered.delete('otp');
    return check;
  }

  async declineOtp(): Promise<void> {
    await this.#answer('otp', this.turn?.decline('otp'));
  }

  async submit(values: object): Promise<SubmitResult | undefined> {
    return this.#answer('interaction', this.turn?.submit(values));
  }

  async decline(): Promise<void> {
    await this.#answer('interaction', this.turn?.decline('interaction'));
  }

  /** Asks what became of the message of an interrupted turn, and shows it. */
  async recover(): Promise<void> {
    if (!this.turn) return;
    try {
      this.#show({ fate: fateText(await this.turn.recover()) });
    } catch (error) {
      this.#show({ fate: problemOf(error).text });
    }
  }

  /** Waits for what the server makes of an answer; until then its question stays in sight. */
  async #answer<T>(kind: QuestionKind, verb: PromiseLike<T> | undefined): Promise<T | undefined> {
    const asked = this.shown.value.questions.find((question) => question.kind === kind);
    if (asked) this.#onTheWay.set(kind, asked);
    this.#answered.add(kind);
    try {
      return await verb;
    } finally {
      this.#onTheWay.delete(kind);
      this.look();
    }
  }

  #stateOf(kind: QuestionKind): 'none' | 'open' | 'answered' {
    const { turn } = this;
    const isOpen = turn?.question(kind) !== undefined;
    if (isOpen || turn?.state === 'settled') this.#answered.delete(kind);
    if (isOpen) return 'open';
    return this.#answered.has(kind) ? 'answered' : 'none';
  }

  async #follow(turn: Turn, moved: () => void): Promise<void> {
    try {
      for await (const item of turn) {
        this.#take(item);
        moved();
      }
      this.#end(await turn);
    } catch (error) {
      const text = turn.partialText;
      const pieces = text === '' ? [] : [text];
      this.#show({ problem: problemOf(error), isOver: true, pieces });
    }
    moved();
  }

  #take(item: TurnItem): void {
    const { shown } = this;
    const { preamble, reasoning, pieces } = shown.value;
    switch (item.type) {
      case 'stream_token':
        this.#show({ pieces: [...gathered(pieces), item.token] });
        break;
      case 'stream_preamble':
        this.#show({ preamble: preamble + item.token });
        break;
      case 'stream_reasoning':
        this.#show({ reasoning: reasoning + item.token });
        break;
      case 'stream_chunk':
        this.#show({ steps: stepped(shown.value.steps, item) });
        break;
    }
  }

  #end(result: TurnResult): void {
    const { outcome, durationMs, timeToFirstTokenMs: firstTokenMs, usage, text } = result;
    const { promptTokens, completionTokens, costUsd } = usage ?? {};
    const tokens = usage ? (promptTokens ?? 0) + (completionTokens ?? 0) : undefined;
    this.#show({
      pieces: text === '' ? [] : [text],
      citations: result.citations ?? [],
      suggestions: suggestionsOf(result),
      figures: { outcome, durationMs, firstTokenMs, tokens, costUsd },
      isOver: true,
    });
  }

  #show(change: Partial<Exchange>): void {
    this.shown.update((before) => ({ ...before, ...change }));
  }
}

/** Returns pieces of which the oldest are one, once there are many: each is an element of the page. */
function gathered(pieces: readonly string[]): readonly string[] {
  if (pieces.length < MANY_PIECES) return pieces;
  const old = MANY_PIECES / 2;
  return [pieces.slice(0, old).join(''), ...pieces.slice(old)];
}

function stepped(steps: readonly Step[], item: TurnItem): readonly Step[] {
  const call = toolCallOf(item);
  const result = toolResultOf(item);
  const found = call ?? result;
  if (!found) return steps;
  const key = found.callId ?? found.name;
  const before = steps.find((step) => step.key === key);
  const step = { key, name: found.name, call: call ?? before?.call, result };
  return before ? steps.map((one) => (one === before ? step : one)) : [...steps, step];
}

function suggestionsOf({ response }: TurnResult): readonly string[] {
  if (typeof response !== 'object' || response === null || Array.isArray(response)) return [];
  const found = (response as { suggestedNextActions?: unknown }).suggestedNextActions;
  return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : [];
}
