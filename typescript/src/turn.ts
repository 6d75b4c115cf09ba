import { Outgoing } from './connection';
import { errorOfKind, type QuestionKind } from './errors';
import {
  type OtpCheck,
  otpCheckOf,
  type Question,
  type SubmitResult,
  submitResultOf,
} from './questions';
import { type AbortSignalLike, Answer, onAbort } from './requests.answer';
import type { TurnDriver } from './turn.driver';
import type { TurnResult } from './turn.result';
import { TextStream, TurnEvents } from './turn-events';
import type { TurnItem } from './turn-items';
import {
  type ActionName,
  type ActionParams,
  encodeAction,
  type JsonObject,
  makeAction,
  type ServerEvent,
  type TurnState,
} from './wire/index';

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
export class Turn implements PromiseLike<TurnResult>, AsyncIterable<TurnItem>, AsyncDisposable {
  readonly #driver: TurnDriver;
  readonly #otpPark: boolean;
  readonly #signal: AbortSignalLike | undefined;

  /** Made by `send` and `sendMessage`. */
  constructor(driver: TurnDriver, otpPark: boolean, signal: AbortSignalLike | undefined) {
    this.#driver = driver;
    this.#otpPark = otpPark;
    this.#signal = signal;
    const stop = (): void => {
      if (!driver.detached) driver.stop();
    };
    if (!driver.settled) driver.endings.push(onAbort(signal, stop));
  }

  /** Id of the turn; its events and verbs carry it. Empty for a turn that was never sent. */
  get requestId(): string {
    return this.#driver.requestId;
  }

  get sessionId(): string {
    return this.#driver.sessionId;
  }

  /** How far the turn is. */
  get state(): TurnState {
    return this.#driver.state;
  }

  /** Text that was streamed so far; stays readable (REQ-TURN-15). */
  get partialText(): string {
    return this.#driver.text.text;
  }

  /** Events seen so far, in wire order; bounded as an iterator is (REQ-TURN-15, REQ-TURN-02). */
  get items(): readonly TurnItem[] {
    return this.#driver.items.all;
  }

  /** The question of a kind that waits for an answer, if there is one. */
  question<K extends QuestionKind>(kind: K): Question<K> | undefined {
    return this.#driver.open(kind);
  }

  [Symbol.asyncIterator](): TurnEvents {
    return this.events();
  }

  /** Returns a further iterator, from the first event on. */
  events({ signal = this.#signal }: WaitOptions = {}): TurnEvents {
    return new TurnEvents(this.#driver, signal);
  }

  /** The streamed text, piece by piece (REQ-TURN-10). */
  get textStream(): TextStream {
    return new TextStream(this.#driver);
  }

  /**
   * Waits for the end. An abort of the signal stops the turn unless somebody else follows it.
   *
   * @throws {SmoothAgentError} the turn failed.
   */
  result({ signal = this.#signal }: WaitOptions = {}): Answer<TurnResult> {
    const driver = this.#driver;
    const { answer, resolve, reject } = Answer.pending<TurnResult>(
      driver.requests.settings.logger,
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

  /**
   * Answers the open confirmation; resolves once the server took it. Its frame is queued at the
   * call.
   *
   * @throws {NoPendingQuestionError} nothing is open; nothing was sent (REQ-VERB-05).
   * @throws {AlreadyAnsweredError} it was answered before; nothing was sent.
   */
  confirm(approved: boolean, options: WaitOptions = {}): Answer<void> {
    const confirmationId = this.#driver.asked('confirmation')?.event.confirmationId;
    return this.#answer('confirm_tool_action', options, () => ({
      name: 'confirm',
      question: 'confirmation',
      params: {
        ...this.#ids(),
        approved,
        ...(confirmationId === undefined ? {} : { confirmationId }),
      },
      read: () => undefined,
    }));
  }

  /** Gives the one-time code as typed; a wrong one is a result, no error (REQ-OTP-01). */
  verifyOtp(code: string, options: WaitOptions = {}): Answer<OtpCheck> {
    if (typeof code !== 'string') return this.#refuse('verify_otp', 'code: expected a string');
    return this.#answer('verify_otp', options, () => ({
      name: 'verify_otp',
      question: 'otp',
      params: { ...this.#ids(), code },
      read: (event) => otpCheckOf(event) as OtpCheck,
    }));
  }

  /** Answers the open interaction; field errors are a result, no error (REQ-FORM-01). */
  submit(values: JsonObject | object, options: WaitOptions = {}): Answer<SubmitResult> {
    return this.#answer('submit_interaction', options, () => ({
      name: 'submit',
      question: 'interaction',
      params: { ...this.#interaction(), values: values as JsonObject },
      read: submitResultOf,
    }));
  }

  /**
   * Declines the open interaction, or the code that is asked for.
   *
   * @throws {UnsupportedError} the server does not take a declined code; nothing was sent
   * (REQ-OTP-05).
   */
  decline(question: 'interaction', options?: WaitOptions): Answer<SubmitResult>;
  decline(question: 'otp', options?: WaitOptions): Answer<undefined>;
  decline(
    question: 'interaction' | 'otp',
    options: WaitOptions = {},
  ): Answer<SubmitResult | undefined> {
    if (question === 'interaction') {
      return this.#answer('submit_interaction', options, () => ({
        name: 'decline',
        question,
        params: { ...this.#interaction(), declined: true },
        read: submitResultOf,
      }));
    }
    if (question !== 'otp') return this.#refuse('decline', "expected 'interaction' or 'otp'");
    if (!this.#otpPark) return unsupportedDecline(this.#driver);
    return this.#answer('verify_otp', options, () => ({
      name: 'decline_otp',
      question,
      params: { ...this.#ids(), declined: true },
      read: () => undefined,
    }));
  }

  /** Stops the turn; resolves when it has settled, at once when it has (REQ-STOP-01). */
  cancel({ signal }: WaitOptions = {}): Answer<void> {
    const { logger } = this.#driver.requests.settings;
    return Answer.during(logger, 'cancel', signal, () => this.#driver.cancel());
  }

  /** Lets the turn run on when nobody looks at it any more (REQ-STOP-05). */
  detach(): void {
    this.#driver.detached = true;
  }

  /** What may be shown of a turn: its ids and how far it is. */
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

  #ids(): { requestId: string; sessionId: string } {
    return { requestId: this.requestId, sessionId: this.sessionId };
  }

  #interaction(): { requestId: string; sessionId: string; interactionId: string; kind?: string } {
    const asked = this.#driver.asked('interaction')?.event;
    // Without a question nothing is sent: the empty id never leaves.
    if (!asked) return { ...this.#ids(), interactionId: '' };
    return { ...this.#ids(), interactionId: asked.interactionId, kind: asked.kind };
  }

  #answer<A extends ActionName, T>(
    action: A,
    { signal }: WaitOptions,
    plan: () => {
      readonly name: 'confirm' | 'verify_otp' | 'submit' | 'decline' | 'decline_otp';
      readonly question: QuestionKind;
      readonly params: ActionParams<A>;
      readonly read: (event: ServerEvent) => T;
    },
  ): Answer<T> {
    const { logger } = this.#driver.requests.settings;
    return Answer.during(logger, action, signal, () => {
      try {
        const { params, ...rest } = plan();
        const text = encodeAction(makeAction(action, params));
        const outgoing = new Outgoing(action, this.requestId, text);
        return this.#driver.answer({ ...rest, outgoing });
      } catch (error) {
        return Answer.failed(logger, action, error);
      }
    });
  }

  #refuse<T>(what: string, message: string): Answer<T> {
    const { logger } = this.#driver.requests.settings;
    return Answer.failed(logger, what, new TypeError(message));
  }
}

function unsupportedDecline(driver: TurnDriver): Answer<undefined> {
  const { requestId, sessionId, requests } = driver;
  const { host } = requests.settings;
  const error = errorOfKind('unsupported', { requestId, sessionId, host });
  return Answer.failed(requests.settings.logger, 'decline', error);
}
