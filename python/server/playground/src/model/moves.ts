// How far the turn is, and by which ways it came there.
import type { StateChange, Turn } from '@smooai/smooth-operator';
import { Cell } from './cell';
import type { QuestionStates, Talk } from './exchange';
import { TURN_DRAWN } from './machine';

/** More moves of one turn are not shown. */
const KEPT = 12;

/** One way that was gone. */
export interface Move {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  /** The word that moved it; missing for what nobody said, such as a limit. */
  readonly word: string | undefined;
}

export interface TurnPlace {
  readonly requestId: string;
  readonly state: string;
  readonly moves: readonly Move[];
  readonly questions: QuestionStates;
}

/** Watches the newest turn. */
export class TurnWatch {
  readonly place = new Cell<TurnPlace | undefined>(undefined);
  #talk: Talk | undefined;
  #count = 0;

  /** Turns to another turn. */
  watch(talk: Talk): void {
    this.#talk = talk;
    const { turn } = talk;
    if (!turn) return;
    const { requestId } = turn;
    const { initial: state } = TURN_DRAWN;
    this.place.set({ requestId, state, moves: [], questions: talk.questionStates });
    this.look(undefined);
  }

  /** Looks where the turn is after a word: the type of a frame, or what happened to the link. */
  look(word: string | undefined): void {
    const { value } = this.place;
    const turn = this.#talk?.turn;
    if (!value || !turn || !this.#talk) return;
    const moves = [...value.moves, ...this.#moved(value.state, turn, word)].slice(-KEPT);
    const { state } = turn;
    this.place.set({ ...value, state, moves, questions: this.#talk.questionStates });
  }

  /** Takes a move of the link. */
  link({ reason }: StateChange): void {
    this.look(reason);
  }

  /** Forgets the turn. */
  clear(): void {
    this.#talk = undefined;
    this.place.set(undefined);
  }

  #moved(from: string, { state: to }: Turn, word: string | undefined): Move[] {
    if (from === to) return [];
    this.#count += 1;
    const ways = TURN_DRAWN.edges.filter((edge) => edge.from === from && edge.to === to);
    const isKnown = ways.some(({ words }) => word !== undefined && words.includes(word));
    return [{ id: this.#count, from, to, word: isKnown ? word : undefined }];
  }
}
