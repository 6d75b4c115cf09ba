import { startLimit, type Timer } from './clock';
import { type Cause, failure, type LinkFacts, statusOf } from './errors-made';
import { type AbortSignalLike, Answer, type Deferred, onAbort } from './requests-answer';
import type { Outgoing } from './outbox';
import type { InFlight } from './router';
import type { Frame, Sender } from './sender';
import { DecodeError, type ServerEvent } from './wire/index';
import {
  CALL,
  type CallEffect,
  type CallState,
  type Ending,
  READS,
  step,
  type StepEvent,
} from './wire/steps';

/** How a call reads what comes under its id. */
export interface CallPlan<T> {
  readonly outgoing: Frame;
  /** Event types that answer it. */
  readonly answers: readonly string[];
  /** Returns the value of the event that answers; may throw a DecodeError. */
  readonly read: (event: ServerEvent) => T;
  readonly signal?: AbortSignalLike | undefined;
  /**
   * The id is a turn's that is not live here: what is no answer is somebody else's, but for an
   * acknowledgement of a turn, from whose value `begun` begins one when it comes first
   * (REQ-VERB-15).
   */
  readonly begun?: ((event: ServerEvent) => T) | undefined;
  readonly shared?: boolean;
}

/** Sends an action with one answer and waits for it; steps through the table `call`. */
export class Call<T> implements InFlight {
  readonly #sender: Sender;
  readonly #plan: CallPlan<T>;
  readonly #deferred: Deferred<T>;
  readonly #unhook: () => void;
  #state: CallState = CALL.initial;
  #timer: Timer | undefined;
  /** No frame with its id came yet. */
  #first = true;
  #outgoing: Outgoing;
  #repeated = false;

  constructor(sender: Sender, plan: CallPlan<T>) {
    this.#sender = sender;
    this.#plan = plan;
    this.#outgoing = plan.outgoing;
    this.#deferred = Answer.pending(sender.settings.logger, plan.outgoing.action);
    // Stopping the wait only ends the wait; a frame that still waits is taken back (REQ-CALL-09).
    this.#unhook = onAbort(plan.signal, (reason) => {
      this.#finish();
      this.#deferred.reject(reason);
    });
  }

  /** Sends the action; everything that goes wrong settles the answer. */
  start(): Answer<T> {
    const { outgoing } = this.#plan;
    const { clock, requestTimeoutMs } = this.#sender.settings;
    this.#sender.router.add(outgoing.requestId, this);
    if (requestTimeoutMs > 0) {
      const late = (): void => void this.#step('request_timeout', {});
      this.#timer = startLimit(clock, requestTimeoutMs, late);
    }
    try {
      const refusal = this.#sender.submit(outgoing);
      if (refusal) this.#step(refusal, {});
    } catch (error) {
      this.#fail(error);
    }
    return this.#deferred.answer;
  }

  /** Resolves when the call is over; whoever waits for that does not look at its answer. */
  get ended(): Promise<unknown> {
    const over = (): void => {};
    return Promise.prototype.then.call(this.#deferred.answer, over, over);
  }

  received(event: ServerEvent): boolean {
    const word = this.#wordOf(event);
    this.#first = false;
    return this.#step(word, { event });
  }

  broken(fault: DecodeError): boolean {
    const ends = fault.type === 'error' || this.#plan.answers.includes(fault.type);
    this.#first = false;
    return this.#step(ends ? 'broken' : 'unknown', { fault });
  }

  linkEvent(word: StepEvent, facts: LinkFacts): void {
    this.#step(word, { link: facts });
  }

  nextSend(): void {}

  #wordOf(event: ServerEvent): StepEvent {
    const { type } = event;
    if (type === 'unknown' || type === 'error' || type === 'keepalive') return type;
    const { answers, shared, begun } = this.#plan;
    if (shared && isTurnsOwn(event)) return begun && this.#first ? 'result' : 'unknown';
    if (answers.includes(type)) return 'result';
    return shared ? 'unknown' : 'unexpected';
  }

  #step(word: StepEvent, cause: Cause): boolean {
    const facts = {
      status: cause.event && statusOf(cause.event),
      mayHaveLeft: this.#outgoing.mayHaveLeft,
      sought: cause.link?.sought,
      repeatable: !this.#repeated && READS.has(this.#outgoing.action),
    };
    const { state, effects } = step(CALL, this.#state, word, facts);
    this.#state = state;
    let taken = true;
    for (const effect of effects) taken = this.#act(effect, cause) && taken;
    return taken;
  }

  /** Carries out one effect; false when the event is for the listeners. */
  #act(effect: CallEffect, cause: Cause): boolean {
    switch (effect.do) {
      case 'push':
        return false;
      case 'tap': // the link has shown the frame already
        return true;
      case 'repeat':
        this.#repeated = true;
        this.#outgoing = this.#outgoing.again();
        this.#sender.put(this.#outgoing);
        return true;
      case 'settle':
        if (effect.outcome === 'completed') this.#complete(cause.event as ServerEvent);
        else this.#fail(this.#errorOf(effect.ending ?? 'protocol', cause));
        return true;
      default:
        return effect satisfies never;
    }
  }

  #complete(event: ServerEvent): void {
    const { read, begun, shared } = this.#plan;
    try {
      const isBegun = begun !== undefined && shared === true && isTurnsOwn(event);
      // The turn that begins takes the id over: what is read first must not be routed to nobody.
      const value = isBegun ? undefined : read(event);
      this.#finish();
      this.#told(undefined);
      this.#deferred.resolve(isBegun ? begun(event) : (value as T));
    } catch (fault) {
      const isFault = fault instanceof DecodeError;
      this.#fail(isFault ? this.#errorOf('invalid_frame', { fault }) : fault);
    }
  }

  #errorOf(ending: Ending, cause: Cause): Error {
    const { requestId, sessionId } = this.#plan.outgoing;
    return failure(ending, cause, { requestId, sessionId, host: this.#sender.settings.host });
  }

  #fail(error: unknown): void {
    this.#finish();
    this.#told(error as Error);
    this.#deferred.reject(error);
  }

  #told(error: Error | undefined): void {
    const { action, requestId } = this.#plan.outgoing;
    this.#sender.watch.tell('call', action, requestId, error);
  }

  #finish(): void {
    this.#state = 'settled';
    this.#outgoing.withdraw();
    this.#timer?.cancel();
    this.#unhook();
    this.#sender.router.settle(this.#plan.outgoing.requestId, this);
  }
}

/** Whether an event is the acknowledgement that belongs to a turn (REQ-VERB-03). */
function isTurnsOwn(event: ServerEvent): boolean {
  return event.type === 'immediate_response' && statusOf(event) === 202;
}
