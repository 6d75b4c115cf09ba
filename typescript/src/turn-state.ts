import { toolResultOf } from './accumulator';
import type { QuestionKind } from './errors';
import {
  ANSWERS,
  codeInfo,
  type ConfirmationState,
  confirmationMachine,
  type Effect,
  type ErrorEvent,
  type FrameWord,
  type Guard,
  type InteractionState,
  interactionMachine,
  type LocalWord,
  type Machine,
  type MachineEvent,
  type OtpState,
  otpMachine,
  type ServerEvent,
  step,
  type TurnState as TurnWord,
  turnMachine,
  type Verb as VerbName,
} from './wire/index';

type Row<S extends string> = NonNullable<ReturnType<Machine<S>['rows']['get']>>[number];

export type QuestionState = ConfirmationState | OtpState | InteractionState;

export const QUESTION_KINDS: readonly QuestionKind[] = ['confirmation', 'otp', 'interaction'];

const MACHINES: Readonly<Record<QuestionKind, Machine<QuestionState>>> = {
  confirmation: confirmationMachine,
  otp: otpMachine,
  interaction: interactionMachine,
};

const QUESTION_OF: Readonly<Record<VerbName, QuestionKind | undefined>> = {
  confirm: 'confirmation',
  verify_otp: 'otp',
  decline_otp: 'otp',
  submit: 'interaction',
  decline: 'interaction',
  cancel: undefined,
};

const NO_PENDING: Readonly<Record<string, QuestionKind>> = {
  NO_PENDING_CONFIRMATION: 'confirmation',
  NO_PENDING_INTERACTION: 'interaction',
};

/** One answer or cancel that waits for what the server makes of it. */
export interface Verb {
  readonly name: VerbName;
}

/** One effect to carry out; `question` when the machine of a question asks for it. */
export interface Todo<V extends Verb> extends Effect {
  readonly question?: QuestionKind;
  /** The verb that resolves or fails. */
  readonly verb?: V;
}

/**
 * States of one turn and its questions, stepped through the generated tables. Opens nothing,
 * waits for nothing, reads no clock; the driver carries out what comes back, in order.
 */
export class TurnState<V extends Verb> {
  turn: TurnWord = turnMachine.initial;
  readonly questions: Record<QuestionKind, QuestionState> = {
    confirmation: confirmationMachine.initial,
    otp: otpMachine.initial,
    interaction: interactionMachine.initial,
  };
  /** Outstanding verbs, the oldest first. */
  verbs: V[] = [];
  /** Words that are quiet in the present states. */
  #quiet: ReadonlySet<FrameWord> | undefined;
  /** Says whether the open question has lapsed, seen from a frame of a type (REQ-VERB-10). */
  readonly #expired: (kind: QuestionKind, type: string) => boolean;

  constructor(expired: (kind: QuestionKind, type: string) => boolean) {
    this.#expired = expired;
  }

  get settled(): boolean {
    return this.turn === 'settled';
  }

  /** Says whether an event of a type is an item and moves nothing, whatever it holds. */
  quiet(type: FrameWord): boolean {
    this.#quiet ??= quietWords(this.turn, this.questions);
    return this.#quiet.has(type);
  }

  /** The question that waits for a human, if any. */
  get openQuestion(): QuestionKind | undefined {
    return QUESTION_KINDS.find((kind) => this.questions[kind] === 'open');
  }

  /** Steps on an event of the turn: first the questions, then the turn. */
  frame(event: ServerEvent): Todo<V>[] {
    const verb = this.#answered(event);
    const ends = event.type === 'error' && this.#ends(event, verb);
    const holds = (guard: Guard, kind?: QuestionKind): boolean =>
      this.#holds(guard, kind, event, verb, ends);
    const todo: Todo<V>[] = [];
    // Nobody can be asked any more for a turn that is over; its code question alone goes on.
    const kinds = this.settled ? (['otp'] as const) : QUESTION_KINDS;
    for (const kind of kinds) {
      todo.push(...this.#question(kind, event.type, (guard) => holds(guard, kind), verb));
    }
    todo.push(...this.#own(event.type, holds));
    return todo;
  }

  /** Steps all machines on a local event; `unwritten`: the turn's own frame waits for the link. */
  local(word: LocalWord, unwritten = false): Todo<V>[] {
    const todo: Todo<V>[] = [];
    for (const kind of QUESTION_KINDS) todo.push(...this.#question(kind, word, never, undefined));
    todo.push(...this.#own(word, (guard) => guard === 'unwritten' && unwritten));
    return todo;
  }

  /** Steps the machine of one question on a local event. */
  ask(kind: QuestionKind, word: LocalWord): Todo<V>[] {
    return this.#question(kind, word, never, undefined);
  }

  /** Takes a verb off the list; false when it was answered before. */
  take(verb: V): boolean {
    const found = this.verbs.includes(verb);
    this.verbs = this.verbs.filter((one) => one !== verb);
    return found;
  }

  #question(
    kind: QuestionKind,
    word: FrameWord | LocalWord,
    holds: (guard: Guard) => boolean,
    verb: V | undefined,
  ): Todo<V>[] {
    const { state, effects } = step(MACHINES[kind], this.questions[kind], word, holds);
    this.questions[kind] = state;
    this.#quiet = undefined;
    return effects.map((effect) => {
      const answered = effect.name === 'resolve' || effect.name === 'fail' ? verb : undefined;
      if (answered) this.take(answered);
      return { ...effect, question: kind, ...(answered ? { verb: answered } : {}) };
    });
  }

  #own(word: FrameWord | LocalWord, holds: (guard: Guard) => boolean): readonly Todo<V>[] {
    const { state, effects } = step(turnMachine, this.turn, word, holds);
    this.turn = state;
    this.#quiet = undefined;
    return effects;
  }

  /** Returns the oldest outstanding verb that the table says this frame answers (REQ-VERB-03). */
  #answered(event: ServerEvent): V | undefined {
    if (this.verbs.length === 0) return undefined;
    const code = event.type === 'error' ? event.code : undefined;
    const row = ANSWERS.find(
      (one) =>
        one.on === event.type &&
        (one.states.turn === undefined || one.states.turn === this.turn) &&
        (one.code === undefined || one.code === code) &&
        !(one.unless === 'status_202' && is202(event)),
    );
    return this.verbs.find((verb) => row?.verbs.includes(verb.name));
  }

  /** Says whether an error ends the turn (REQ-TURN-07). */
  #ends(event: ErrorEvent, verb: V | undefined): boolean {
    if (this.settled || event.terminal === false) return false;
    const { terminal } = codeInfo(event.code);
    const spared = terminal === 'unless_verb' && this.turn === 'running' && verb !== undefined;
    return terminal !== 'never' && !spared;
  }

  #holds(
    guard: Guard,
    kind: QuestionKind | undefined,
    event: ServerEvent,
    verb: V | undefined,
    ends: boolean,
  ): boolean {
    const code = event.type === 'error' ? event.code : undefined;
    switch (guard) {
      case 'status_202':
        return is202(event);
      case 'status_error':
        return event.type === 'eventual_response' && event.status >= 400;
      case 'verb_outstanding':
        return verb !== undefined && QUESTION_OF[verb.name] === kind;
      case 'verb_error':
        return verb !== undefined && code !== undefined && !ends && this.#failsVerbs(code);
      case 'terminal_error':
        return ends;
      case 'attempts_left':
        return event.type === 'otp_invalid' && event.attemptsRemaining > 0;
      case 'no_pending':
        return code !== undefined && NO_PENDING[code] === kind;
      case 'mismatch':
        return code === 'INTERACTION_MISMATCH';
      case 'expired':
        return kind !== undefined && this.#expired(kind, event.type);
      case 'tool_result':
        return toolResultOf(event) !== undefined;
      case 'unwritten':
        return false; // a frame of the turn came: its own was written
      default:
        return guard satisfies never;
    }
  }

  #failsVerbs(code: string): boolean {
    return this.settled || codeInfo(code).terminal === 'unless_verb';
  }
}

const never = (): boolean => false;

const quietIn = new Map<string, ReadonlySet<FrameWord>>();

/** Returns the words that the tables make an item and nothing else in some states. */
function quietWords(
  turn: TurnWord,
  questions: Readonly<Record<QuestionKind, QuestionState>>,
): ReadonlySet<FrameWord> {
  const states = QUESTION_KINDS.map((kind) => questions[kind]);
  const key = [turn, ...states].join();
  let words = quietIn.get(key);
  if (!words) {
    const asked = QUESTION_KINDS.map((kind) => ({
      machine: MACHINES[kind],
      state: questions[kind],
    }));
    const found = [...turnMachine.rows.keys()].filter(
      (word) =>
        isItemAlone(turn, word) &&
        !ANSWERS.some((row) => row.on === word) &&
        asked.every(({ machine, state }) => rowsOf(machine, state, word).length === 0),
    );
    words = new Set(found as FrameWord[]);
    quietIn.set(key, words);
  }
  return words;
}

function isItemAlone(turn: TurnWord, word: MachineEvent): boolean {
  const [row] = rowsOf(turnMachine, turn, word);
  if (!row || row.guards.length > 0 || (row.to ?? turn) !== turn) return false;
  return row.effects.length === 1 && row.effects[0]?.name === 'item';
}

/** Returns the rows that an event may take in a state, guarded or not. */
function rowsOf<S extends string>(machine: Machine<S>, state: S, word: MachineEvent): Row<S>[] {
  const rows = machine.rows.get(word) ?? [];
  return rows.filter(({ from }) => from.length === 0 || from.includes(state));
}

function is202(event: ServerEvent): boolean {
  return 'status' in event && event.status === 202;
}
