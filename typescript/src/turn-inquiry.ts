// What `recover()` asks of the server on a replay session before it reads the history: what it
// does with a turn that failed here (REQ-RESUME-12).
import { startLimit, type Timer } from './clock';
import { failure, type LinkFacts, typeOf } from './errors-made';
import { Call } from './requests';
import { type AbortSignalLike, onAbort } from './requests-answer';
import type { InFlight } from './router';
import type { Frame, Sender } from './sender';
import { TurnDriver } from './turn-driver';
import { brokenWord } from './turn-outcome';
import { numberOf, Resuming, UNNUMBERED } from './turn-resuming';
import { TurnState } from './turn-state';
import {
  type DecodeError,
  type ErrorEvent,
  type ServerEvent,
  type TurnResumedEvent,
  unknownOf,
} from './wire/index';
import { CALL, type CallState, step, type StepEvent } from './wire/steps';

/** The history decides; the message never arrived; the time is over. */
export type Fate = 'over' | 'never' | 'unknown';

/** A turn to ask for; it has another id once its message was sent again. */
export interface Asked {
  readonly requestId: string;
  readonly sessionId: string;
}

/**
 * Resolves to what the server does with a turn, once it has ended, or the time is over. `lastSeq`
 * is the newest number that the turn has taken. Rejects with the signal's reason, and with a
 * `SmoothAgentError` when there is no link, and none is sought.
 */
export async function fateOf(
  turn: Asked,
  lastSeq: number,
  sender: Sender,
  signal: AbortSignalLike | undefined,
): Promise<Fate> {
  const { clock, resumeTimeoutMs } = sender.settings;
  if (signal?.aborted) throw signal.reason;
  return new Promise((resolve, reject) => {
    let own: Inquiry | undefined;
    let over = false;
    const end = (): void => {
      over = true;
      unhook();
      timer?.cancel();
      own?.end();
    };
    // The first outcome counts: what the end of the inquiry leads to comes after it.
    const unhook = onAbort(signal, (reason) => {
      reject(reason);
      end();
    });
    const late = (): void => {
      resolve('unknown');
      end();
    };
    const timer = resumeTimeoutMs > 0 ? startLimit(clock, resumeTimeoutMs, late) : undefined;
    const ask = async (): Promise<Fate> => {
      while (!over) {
        const owner = sender.router.owner(turn.requestId);
        // Waiting for its outcome makes nobody its reader.
        if (owner instanceof TurnDriver) {
          if (!owner.settled) await new Promise<void>((told) => owner.endings.push(told));
          return 'over';
        }
        if (owner instanceof Call) {
          await owner.ended;
          continue;
        }
        let inquiry = owner as Inquiry | undefined;
        if (!inquiry) {
          inquiry = own = new Inquiry(sender, turn, lastSeq);
          own.start();
        }
        const fate = await inquiry.answer;
        if (fate) return fate;
      }
      return 'unknown';
    };
    ask().then(resolve, reject).finally(end);
  });
}

/**
 * `resume_turn` for a turn that nobody sees, on one link after the other. The turn's machine says
 * what the server's answers mean; what else comes goes nowhere.
 */
export class Inquiry implements InFlight {
  /** What was found; undefined when it was dropped. */
  readonly answer: Promise<Fate | undefined>;
  readonly #sender: Sender;
  readonly #resuming: Resuming;
  readonly #turn = new TurnState(() => false);
  #outgoing: Frame;
  #state: CallState = CALL.initial;
  #pause: Timer | undefined;
  #resolve!: (fate: Fate | undefined) => void;
  #reject!: (error: unknown) => void;

  constructor(sender: Sender, { requestId, sessionId }: Asked, afterSeq: number) {
    this.#sender = sender;
    const action = { action: 'resume_turn', sessionId, afterSeq };
    this.#outgoing = sender.frame(action, requestId);
    this.#resuming = new Resuming(sender.settings, true);
    this.#resuming.last = afterSeq;
    this.#turn.turn = 'suspended';
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Asks, as soon as there is a link. @throws {MessageTooLargeError} over 1 MiB. */
  start(): void {
    this.#sender.router.add(this.#outgoing.requestId, this);
    const refusal = this.#sender.submit(this.#outgoing);
    if (refusal) this.linkEvent(refusal, {});
  }

  /** Asks no more: what was found, or undefined when nobody wants to know any longer. */
  end(fate?: Fate): void {
    this.#pause?.cancel();
    this.#outgoing.withdraw();
    this.#sender.router.settle(this.#outgoing.requestId, this);
    this.#resolve(fate);
  }

  received(event: ServerEvent): boolean {
    return this.#heard(event, event.type);
  }

  broken(fault: DecodeError): boolean {
    return this.#heard(unknownOf(fault), brokenWord(fault, true));
  }

  linkEvent(word: StepEvent, link: LinkFacts): void {
    this.#pause?.cancel();
    const { mayHaveLeft } = this.#outgoing;
    const facts = { mayHaveLeft, sought: link.sought, repeatable: true };
    const { state, effects } = step(CALL, this.#state, word, facts);
    this.#state = state;
    for (const effect of effects) {
      if (effect.do === 'repeat') this.#ask();
      if (effect.do === 'settle') {
        const { requestId, sessionId } = this.#outgoing;
        const { host } = this.#sender.settings;
        this.#reject(
          failure(effect.ending ?? 'protocol', { link }, { requestId, sessionId, host }),
        );
        this.end();
      }
    }
  }

  nextSend(): void {}

  /** Writes the same frame once more. */
  #ask(): void {
    this.#turn.turn = 'suspended';
    this.#outgoing = this.#outgoing.again() as Frame;
    this.#sender.put(this.#outgoing);
  }

  /** Takes what comes with the id, none of which is an item, whatever its number. */
  #heard(event: ServerEvent, type: StepEvent): boolean {
    let word = type;
    if (this.#turn.turn === 'suspended' && !UNNUMBERED.includes(typeOf(event))) {
      word = type === 'error' && numberOf(event) === undefined ? 'resume_refused' : 'repeated';
    }
    const state =
      word === 'turn_resumed' ? this.#resuming.stateOf(event as TurnResumedEvent) : undefined;
    for (const { effect } of this.#turn.frame(event, word, { resumeState: state })) {
      if (effect.do === 'schedule') this.#askLater(event as ErrorEvent);
    }
    if (state === 'settled' || this.#turn.settled) {
      this.end(state === 'never' && this.#resuming.last === 0 ? 'never' : 'over');
    }
    return true;
  }

  #askLater(refusal: ErrorEvent): void {
    const wait = this.#resuming.pause(refusal);
    this.#pause = startLimit(this.#sender.settings.clock, wait, () => this.#ask());
  }
}
