import { errorOfKind } from './errors';
import type { Recovery } from './history-recovery';
import type { OtpCheck, Question, SubmitResult } from './questions';
import { type AbortSignalLike, Answer, onAbort } from './requests-answer';
import type { TurnDriver } from './turn-driver';
import { type TextStream, type TurnEvents, TurnReader, TurnText } from './turn-events';
import type { TurnItem } from './turn-items';
import type { TurnResult } from './turn-result';
import {
  confirming,
  declining,
  decliningOtp,
  submitting,
  type VerbPlan,
  verifying,
} from './turn-verbs';
import type { JsonObject } from './wire/index';
import { type QuestionKind, type TurnState, VERBS } from './wire/steps';

// Platforms without explicit resource management have no such symbol; the method is harmless there.
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** Node prints an object through this method; without it one with private members looks empty. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** Native cancellation of a wait (REQ-STOP-04). */
export interface WaitOptions {
  /** Its abort ends the wait at once with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * One message and all it causes. Iterate it for its events, await it for its `TurnResult`; both at
 * once is fine, and every iterator sees every event (REQ-TURN-02). Leaving an iteration early, or
 * `await using`, stops the turn unless somebody else follows it or it was detached (REQ-STOP-05).
 *
 * Because `await` would wait for the whole turn, no asynchronous function gives one.
 */
export interface Turn extends PromiseLike<TurnResult>, AsyncIterable<TurnItem>, AsyncDisposable {
  /**
   * Id of the turn; its events and verbs carry it. Empty for a turn that was never sent. A message
   * that is sent again after its code has another one (REQ-ASK-11).
   */
  readonly requestId: string;
  readonly sessionId: string;
  /** How far the turn is; `suspended` while it waits to be taken up (REQ-RESUME-02). */
  readonly state: TurnState;
  /** Text that was streamed so far; stays readable (REQ-TURN-15). */
  readonly partialText: string;
  /** Events seen so far, in wire order; bounded as an iterator is (REQ-TURN-15, REQ-TURN-21). */
  readonly items: readonly TurnItem[];
  /** The streamed text, piece by piece (REQ-TURN-10). */
  readonly textStream: TextStream;
  /** The question of a kind that waits for an answer, if there is one. */
  question<K extends QuestionKind>(kind: K): Question<K> | undefined;
  /** Says whether an event asks what a handler of this turn answers (REQ-ASK-09). */
  handled(event: TurnItem): boolean;
  /** Returns a further iterator, from the first event on. */
  events(options?: WaitOptions): TurnEvents;
  /**
   * Waits for the end. An abort of the signal stops the turn unless somebody else follows it.
   *
   * @throws {SmoothAgentError} the turn failed.
   */
  result(options?: WaitOptions): Answer<TurnResult>;
  /**
   * Answers the open confirmation; resolves once the server took it. Its frame is queued at the
   * call.
   *
   * @throws {NoPendingQuestionError} nothing is open; nothing was sent (REQ-VERB-05).
   * @throws {AlreadyAnsweredError} it was answered before; nothing was sent.
   */
  confirm(approved: boolean, options?: WaitOptions): Answer<void>;
  /** Gives the one-time code as typed; a wrong one is a result, no error (REQ-OTP-01). */
  verifyOtp(code: string, options?: WaitOptions): Answer<OtpCheck>;
  /** Answers the open interaction; field errors are a result, no error (REQ-FORM-01). */
  submit(values: JsonObject | object, options?: WaitOptions): Answer<SubmitResult>;
  /**
   * Declines the open interaction, or the code that is asked for.
   *
   * @throws {UnsupportedError} the server does not take a declined code; nothing was sent
   * (REQ-OTP-05).
   */
  decline(question: 'interaction', options?: WaitOptions): Answer<SubmitResult>;
  decline(question: 'otp', options?: WaitOptions): Answer<undefined>;
  /** Stops the turn; resolves when it has settled, at once when it has (REQ-STOP-01). */
  cancel(options?: WaitOptions): Answer<void>;
  /**
   * Asks what became of the message, after its link was lost; it is not sent again (REQ-TURN-30).
   * On a replay session the server is asked first: while the turn runs, here or there, this waits,
   * at most `resumeTimeoutMs` in whole, then the status is `unknown`; what never arrived is
   * `not_delivered` (REQ-RESUME-12). Else the history decides. The signal ends the wait alone.
   *
   * @throws {SmoothAgentError} nobody could be asked.
   */
  recover(options?: WaitOptions): Answer<Recovery>;
  /** Lets the turn run on when nobody looks at it any more (REQ-STOP-05). */
  detach(): void;
  /** What may be shown of a turn: its ids and how far it is. */
  toJSON(): { requestId: string; sessionId: string; state: TurnState };
}

/** The handle of a turn that its caller holds. */
export class TurnHandle implements Turn {
  readonly #driver: TurnDriver;
  readonly #capabilities: readonly string[];
  readonly #signal: AbortSignalLike | undefined;

  /** `capabilities` are those of the server in the turn's session. */
  constructor(
    driver: TurnDriver,
    capabilities: readonly string[],
    signal: AbortSignalLike | undefined,
  ) {
    this.#driver = driver;
    this.#capabilities = capabilities;
    this.#signal = signal;
    const stop = (): void => {
      if (!driver.detached) driver.stop();
    };
    if (!driver.settled) driver.endings.push(onAbort(signal, stop));
  }

  get requestId(): string {
    return this.#driver.requestId;
  }

  get sessionId(): string {
    return this.#driver.sessionId;
  }

  get state(): TurnState {
    return this.#driver.state;
  }

  get partialText(): string {
    return this.#driver.text.text;
  }

  get items(): readonly TurnItem[] {
    return this.#driver.items.all;
  }

  get textStream(): TextStream {
    return new TurnText(this.#driver);
  }

  question<K extends QuestionKind>(kind: K): Question<K> | undefined {
    return this.#driver.open(kind);
  }

  [Symbol.asyncIterator](): TurnEvents {
    return this.events();
  }

  events({ signal = this.#signal }: WaitOptions = {}): TurnEvents {
    this.#driver.handling.lookedAt = true;
    return new TurnReader(this.#driver, signal);
  }

  handled(event: TurnItem): boolean {
    return this.#driver.handling.handles(event);
  }

  result({ signal = this.#signal }: WaitOptions = {}): Answer<TurnResult> {
    const driver = this.#driver;
    const { answer, resolve, reject } = Answer.pending<TurnResult>(
      driver.sender.settings.logger,
      'a turn',
    );
    const watcher = {};
    let over = false;
    driver.seen = true;
    driver.watchers.add(watcher);
    const leave = (reason: unknown): void => {
      if (over) return;
      over = true;
      reject(reason);
      driver.leave(watcher);
    };
    const unhook = onAbort(signal, leave);
    const look = (): void => {
      if (over) return;
      // The abort may be what settles the turn: the reason goes before the outcome.
      if (signal?.aborted) {
        leave(signal.reason);
        return;
      }
      if (!driver.settled) {
        driver.endings.push(look);
        return;
      }
      over = true;
      unhook();
      driver.watchers.delete(watcher);
      if (driver.result) resolve(driver.result);
      else reject(driver.error);
    };
    look();
    return answer;
  }

  // biome-ignore lint/suspicious/noThenProperty: a turn is awaited for its result
  then<A = TurnResult, B = never>(
    onValue?: ((value: TurnResult) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result().then(onValue, onError);
  }

  confirm(approved: boolean, options: WaitOptions = {}): Answer<void> {
    return this.#answer(confirming(approved), options);
  }

  verifyOtp(code: string, options: WaitOptions = {}): Answer<OtpCheck> {
    return this.#answer(verifying(code) as VerbPlan<OtpCheck>, options);
  }

  submit(values: JsonObject | object, options: WaitOptions = {}): Answer<SubmitResult> {
    return this.#answer(submitting(values as JsonObject), options);
  }

  decline(question: 'interaction', options?: WaitOptions): Answer<SubmitResult>;
  decline(question: 'otp', options?: WaitOptions): Answer<undefined>;
  decline(
    question: 'interaction' | 'otp',
    options: WaitOptions = {},
  ): Answer<SubmitResult | undefined> {
    if (question === 'interaction') return this.#answer(declining(), options);
    if (question === 'otp') return this.#answer(decliningOtp(), options);
    const { logger } = this.#driver.sender.settings;
    const misuse = new TypeError("decline: expected 'interaction' or 'otp'");
    return Answer.failed(logger, 'decline', misuse);
  }

  cancel({ signal }: WaitOptions = {}): Answer<void> {
    const { logger } = this.#driver.sender.settings;
    return Answer.during(logger, 'cancel', signal, () => this.#driver.cancel());
  }

  recover(options?: WaitOptions): Answer<Recovery> {
    return this.#driver.recover(options);
  }

  detach(): void {
    this.#driver.detached = true;
  }

  toJSON(): { requestId: string; sessionId: string; state: TurnState } {
    const { requestId, sessionId, state } = this;
    return { requestId, sessionId, state };
  }

  [INSPECT](): unknown {
    return this.toJSON();
  }

  async [ASYNC_DISPOSE](): Promise<void> {
    this.#driver.leave(this);
  }

  /** Gives an answer, if the server takes such ones (REQ-OTP-05). */
  #answer<T>(plan: VerbPlan<T>, { signal }: WaitOptions): Answer<T> {
    const driver = this.#driver;
    const { logger } = driver.sender.settings;
    const { needs } = VERBS[plan.name];
    if (needs !== null && !this.#capabilities.includes(needs)) {
      return Answer.failed(logger, plan.name, errorOfKind('unsupported', driver.facts()));
    }
    return Answer.during(logger, plan.name, signal, () => driver.answer(plan));
  }
}
