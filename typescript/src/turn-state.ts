import { toolResultOf } from './accumulator';
import { codeInfo, type ServerEvent } from './wire/index';
import {
  answering,
  type Facts,
  QUESTION_MACHINES,
  type QuestionKind,
  QUESTIONS,
  type Refusal,
  step,
  type StepEvent,
  TURN,
  type TurnEffect,
  type TurnState as TurnWord,
  type Verb as VerbName,
} from './wire/steps';

/** One answer or cancel that waits for what the server makes of it. */
export interface Verb {
  readonly name: VerbName;
  /** Whether its question had an id that it echoes (REQ-RESUME-07). */
  readonly named: boolean;
}

/** One effect to carry out. */
export interface Todo<V extends Verb> {
  readonly effect: TurnEffect;
  /** Whose machine asks for it; missing for the turn's own. */
  readonly question?: QuestionKind | undefined;
  /** The verb that the frame answers. */
  readonly verb?: V | undefined;
}

type QuestionMachine = (typeof QUESTION_MACHINES)[number];
type QuestionState = QuestionMachine['initial'];

const kindOf = (machine: QuestionMachine): QuestionKind => machine.name as QuestionKind;

/**
 * States of one turn and its questions, stepped through the generated tables. Opens nothing,
 * waits for nothing, reads no clock; the driver carries out what comes back, in order.
 */
export class TurnState<V extends Verb> {
  turn: TurnWord = TURN.initial;
  /** State of the turn before the last step. */
  before: TurnWord = TURN.initial;
  readonly #questions = new Map<QuestionKind, QuestionState>();
  /** Outstanding verbs, the oldest first. */
  verbs: V[] = [];
  /** Words that are items and nothing else, as everything stands. */
  #quiet: ReadonlySet<StepEvent> | undefined;
  /** Says whether the open question has lapsed, seen from an event that is a word (REQ-VERB-10). */
  readonly #expired: (kind: QuestionKind, event: ServerEvent, word: StepEvent) => boolean;

  constructor(expired: (kind: QuestionKind, event: ServerEvent, word: StepEvent) => boolean) {
    this.#expired = expired;
    for (const machine of QUESTION_MACHINES) this.#questions.set(kindOf(machine), machine.initial);
  }

  get settled(): boolean {
    return this.turn === 'settled';
  }

  /** Returns the state of the machine of a kind. */
  question(kind: QuestionKind): QuestionState {
    return this.#questions.get(kind) ?? 'none';
  }

  /** The question that waits for a human, if any. */
  get openQuestion(): QuestionKind | undefined {
    for (const [kind, state] of this.#questions) if (state === 'open') return kind;
    return undefined;
  }

  /** Whether exactly one question waits for a human. */
  get asksOne(): boolean {
    return [...this.#questions.values()].filter((state) => state === 'open').length === 1;
  }

  /** Whether a question that outlives the turn is not closed. */
  get outlived(): boolean {
    for (const [kind, state] of this.#questions) {
      if (state !== 'none' && QUESTIONS[kind].outlivesTurn) return true;
    }
    return false;
  }

  /** Says whether an event of a type is an item and moves nothing, whatever it holds. */
  quiet(type: StepEvent): boolean {
    this.#quiet ??= this.openQuestion === undefined ? TURN.quiet[this.turn] : undefined;
    return this.verbs.length === 0 && this.#quiet !== undefined && this.#quiet.has(type);
  }

  /**
   * Steps on an event of the turn, which is `word` to it: first the questions, then the turn.
   * `known` are the facts that no event tells.
   */
  frame(event: ServerEvent, word: StepEvent, known: Facts): Todo<V>[] {
    const facts: Facts = { ...factsOf(event), ...known, turn: this.turn };
    const verb = this.#answered(word, facts);
    const expired = new Set<QuestionKind>();
    for (const [kind, state] of this.#questions) {
      if (state === 'open' && this.#expired(kind, event, word)) expired.add(kind);
    }
    return this.#step(word, { ...facts, verb: verb?.name, expired }, verb);
  }

  /** Steps on a local event, which may be about one of the verbs. */
  local(word: StepEvent, known: Facts, verb?: V): Todo<V>[] {
    const { name, named } = verb ?? {};
    return this.#step(word, { ...known, turn: this.turn, verb: name, named }, verb);
  }

  /** Steps one question alone on the caller's answer; a refusal when the table refuses it. */
  answer(kind: QuestionKind): Refusal | undefined {
    const machine = QUESTION_MACHINES.find((one) => kindOf(one) === kind);
    const asked = machine ? this.#ask(machine, 'answer', {}, undefined) : [];
    this.#quiet = undefined;
    for (const { effect } of asked) if (effect.do === 'refuse') return effect.refusal;
    return undefined;
  }

  /** Takes a verb off the list; false when it was answered before. */
  take(verb: V): boolean {
    const found = this.verbs.includes(verb);
    this.verbs = this.verbs.filter((one) => one !== verb);
    return found;
  }

  /** Passes the question machines, then the turn; what settles it is told to them (REQ-TURN-27). */
  #step(word: StepEvent, facts: Facts, verb: V | undefined): Todo<V>[] {
    const todo: Todo<V>[] = [];
    const over = this.settled;
    this.before = this.turn;
    for (const machine of QUESTION_MACHINES) {
      // Nobody can be asked any more for a turn that is over, but where the question outlives it.
      if (over && !QUESTIONS[kindOf(machine)].outlivesTurn) continue;
      todo.push(...this.#ask(machine, word, facts, verb));
    }
    const { state, effects } = step(TURN, this.turn, word, facts);
    this.turn = state;
    this.#quiet = undefined;
    if (!over && this.settled) {
      for (const machine of QUESTION_MACHINES) {
        todo.push(...this.#ask(machine, 'settle', facts, undefined));
      }
    }
    for (const effect of effects) todo.push({ effect, verb });
    return todo;
  }

  #ask(machine: QuestionMachine, word: StepEvent, facts: Facts, verb: V | undefined): Todo<V>[] {
    const question = kindOf(machine);
    const { state, effects } = step(machine, this.question(question), word, facts);
    this.#questions.set(question, state);
    return effects.map((effect) => ({ effect, question, verb }));
  }

  /** Returns the oldest outstanding verb that the table says a frame answers (REQ-VERB-03). */
  #answered(type: StepEvent, facts: Facts): V | undefined {
    if (this.verbs.length === 0) return undefined;
    const names = answering(type, facts);
    return this.verbs.find((verb) => names.includes(verb.name));
  }
}

/** What guards may look at, read once a frame. */
function factsOf(event: ServerEvent): Facts {
  switch (event.type) {
    case 'immediate_response':
    case 'eventual_response':
    case 'cancelled':
      return { status: event.status };
    case 'error':
      return {
        code: event.code,
        codeTerminal: codeInfo(event.code).terminal,
        saidTerminal: event.terminal,
        errorRetryable: codeInfo(event.code).retryable,
      };
    case 'otp_invalid':
      return { attemptsRemaining: event.attemptsRemaining };
    case 'stream_chunk':
      return { toolResult: toolResultOf(event) !== undefined };
    default:
      return {};
  }
}
