import type { Timer } from '../clock';
import type { Frame } from './frames';

/** Kinds of questions; a session has at most one open of each. */
export type AskedKind = 'confirmation' | 'otp' | 'interaction';

/** How a question ended. */
export type Outcome =
  /** A confirmation, or a code: given and right, or not. */
  | boolean
  /** A form. */
  | { readonly status: 'submitted'; readonly values: Frame }
  | { readonly status: 'declined' | 'no_response'; readonly message: string };

/** What is asked of a person, and who asks. */
export interface AskedOf {
  readonly kind: AskedKind;
  readonly id: string;
  readonly requestId: string;
  readonly expiresMs: number;
  /** What an interaction asks. */
  readonly form?: { readonly kind: string; readonly spec: unknown };
  /** The one right code. */
  readonly code?: string;
  readonly attempts?: number;
}

export const DECLINED: Outcome = {
  status: 'declined',
  message: 'The person declined to answer.',
};

export const NO_RESPONSE: Outcome = {
  status: 'no_response',
  message: 'The person did not answer in time.',
};

/** One question: the first answer wins, and it ends in any case (REQ-SRV-09). */
export class Asked {
  readonly answered: Promise<Outcome>;
  attemptsLeft: number;
  outcome: Outcome | undefined;
  timer: Timer | undefined;
  #done: (outcome: Outcome) => void = () => {};
  #isOpen = true;

  constructor(readonly of: AskedOf) {
    this.attemptsLeft = of.attempts ?? 0;
    this.answered = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Ends the question; what waits for it goes on behind `acknowledge`. */
  close(outcome: Outcome, acknowledge: () => void = () => {}): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.outcome = outcome;
    this.timer?.cancel();
    acknowledge();
    this.#done(outcome);
  }

  /** Ends the question without an outcome: its turn is over. */
  drop(): void {
    this.#isOpen = false;
    this.timer?.cancel();
  }
}
