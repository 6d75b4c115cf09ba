// What a turn begins with, why something happens to it, and how it ends.
import type { Clock } from './clock';
import { errorOfKind, type ErrorFacts, type SmoothAgentError } from './errors';
import { type Cause, endError, failure, linkKind, type LinkFacts } from './errors-made';
import type { Handlers } from './handlers';
import type { Recovery } from './history-recovery';
import type { Answer } from './requests-answer';
import type { Frame } from './sender';
import type { WaitOptions } from './turn';
import type { TurnLine } from './turn-line';
import type { TurnResult } from './turn-result';
import { type DecodeError, type ErrorEvent, EVENT_ROLES, type EventType } from './wire/index';
import type { Ending, QuestionKind, StepEvent } from './wire/steps';

/** Asks what became of the message of a turn, of which `lastSeq` is the newest number taken. */
export type Recover = (
  turn: { readonly requestId: string; readonly sessionId: string },
  lastSeq: number,
  options?: WaitOptions,
) => Answer<Recovery>;

/** What a turn begins with. */
export interface TurnPlan {
  readonly outgoing: Frame;
  readonly sessionId: string;
  /** The session is a replay session (REQ-RESUME-01). */
  readonly replays: boolean;
  /** The server takes a declined code (REQ-OTP-05). */
  readonly parks: boolean;
  readonly line: TurnLine;
  readonly handlers: Handlers;
  /** Makes the frame anew under another id; missing where the message is not ours (REQ-ASK-11). */
  readonly again?: ((requestId: string) => Frame) | undefined;
  /** Asks what became of the message (REQ-TURN-30). */
  readonly recover: Recover;
}

/** Why something happened, for the effects of a step. */
export interface TurnCause extends Cause {
  readonly word: StepEvent;
  /** What `turn_resumed` says of the turn (REQ-RESUME-04). */
  readonly state?: string | undefined;
  /** Size of the event's frame. */
  readonly bytes?: number;
  /** Question that was open before the step. */
  readonly asked?: QuestionKind | undefined;
}

/** What the error of a turn says beside its cause. */
export interface TurnFacts extends ErrorFacts {
  /** The message may have left. */
  readonly sent: boolean;
  /** How the last link was lost. */
  readonly lost: LinkFacts | undefined;
}

/** Returns the error of a turn, by the word that the table has for it (REQ-TURN-20). */
export function turnError(
  ending: Ending,
  cause: TurnCause,
  { sent, lost, recover, ...facts }: TurnFacts,
): SmoothAgentError {
  const { word, state, event, asked, link } = cause;
  const question = asked ? { question: asked } : {};
  if (ending === 'handler_failed' && link?.error) return link.error;
  if (ending === 'turn_timeout') return failure(ending, cause, { ...facts, details: question });
  if (ending !== 'turn_interrupted') return failure(ending, cause, facts);
  if (event) {
    // What the server says of the turn.
    const said = state === undefined ? { code: (event as ErrorEvent).code } : { state };
    return errorOfKind(ending, { ...facts, details: { ...question, sent, ...said }, recover });
  }
  const gone = link?.code ? link : lost;
  const kind = word === 'resume_timeout' ? ending : linkKind(ending, gone?.code);
  if (kind !== ending) return endError(kind, gone, facts);
  return endError(kind, gone, { ...facts, details: { ...question, sent }, recover });
}

/** Returns what a broken event is to a turn: one that had to be understood ends it. */
export function brokenWord({ type }: DecodeError, replays: boolean): 'broken' | 'unknown' {
  const ends =
    EVENT_ROLES[type as EventType]?.startsWith('terminal') || (type === 'turn_resumed' && replays); // REQ-RESUME-04
  return ends ? 'broken' : 'unknown';
}

/** Measures one turn (REQ-LOG-03). */
export class TurnTimes {
  readonly #clock: Clock;
  readonly #beganAt: number;
  #firstTokenAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAt = clock.now();
  }

  /** Takes note that text came; says whether it was the first. */
  heard(): boolean {
    if (this.#firstTokenAt !== undefined) return false;
    this.#firstTokenAt = this.#clock.now();
    return true;
  }

  /** How long it all took. */
  get all(): Pick<TurnResult, 'durationMs' | 'timeToFirstTokenMs'> {
    const durationMs = this.#clock.now() - this.#beganAt;
    if (this.#firstTokenAt === undefined) return { durationMs };
    return { durationMs, timeToFirstTokenMs: this.#firstTokenAt - this.#beganAt };
  }
}
