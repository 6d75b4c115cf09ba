// The state machines of the specification, as a drawing needs them: all of it is read from the
// tables that the client itself steps through.
import type { QuestionKind } from '@smooai/smooth-operator';
import { CONNECTION, type Machine, QUESTION_MACHINES, type StepEvent, TURN } from '@wire/steps';

/** A way from one state to another one, with the words that lead there. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly words: readonly string[];
}

/** A machine's name, its states in the order of the specification, and the ways between them. */
export interface Drawn {
  readonly name: string;
  readonly initial: string;
  readonly states: readonly string[];
  readonly edges: readonly Edge[];
}

function drawn<S extends string, E>(machine: Machine<S, E>): Drawn {
  const found = new Map<string, { from: S; to: S; words: Set<StepEvent> }>();
  for (const [word, rows] of machine.rows) {
    for (const { from, to } of rows) {
      if (to === null) continue;
      for (const state of from.length > 0 ? from : machine.states) {
        if (state === to) continue;
        const key = `${state} ${to}`;
        const edge = found.get(key) ?? { from: state, to, words: new Set() };
        found.set(key, edge);
        edge.words.add(word);
      }
    }
  }
  const edges = [...found.values()].map(({ words, ...ends }) => ({ ...ends, words: [...words] }));
  return { name: machine.name, initial: machine.initial, states: machine.states, edges };
}

export const TURN_DRAWN: Drawn = drawn(TURN);
export const LINK_DRAWN: Drawn = drawn(CONNECTION);
export const QUESTIONS_DRAWN: readonly Drawn[] = QUESTION_MACHINES.map((machine) =>
  drawn(machine as Machine<string, unknown>),
);

/** What can be asked of a human, in the order in which the machines step. */
export const KINDS = QUESTION_MACHINES.map((machine) => machine.name as QuestionKind);
