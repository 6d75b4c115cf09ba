import { Accumulator } from './accumulator';
import { startLimit, type Timer } from './clock';
import { errorOfLeaf, type ErrorFacts, type SmoothAgentError } from './errors';
import {
  type Cause,
  failure,
  linkError,
  linkKind,
  type LinkFacts,
  serverError,
} from './errors-made';
import type { Recovery } from './history-recovery';
import { fastPaths } from './options-fast-paths';
import type { Outgoing } from './outbox';
import { type Question, Questions } from './questions';
import { type Answer, Answer as Answers, type Deferred } from './requests-answer';
import type { InFlight } from './router';
import { checkedAction, type Frame, type Sender } from './sender';
import type { WaitOptions } from './turn';
import { TurnClocks } from './turn-clocks';
import { TurnItems } from './turn-items';
import { resultOf, type TurnResult } from './turn-result';
import { type Todo, TurnState, type Verb } from './turn-state';
import { echoed, type VerbPlan } from './turn-verbs';
import {
  type ActionName,
  type ActionParams,
  type DecodeError,
  type ErrorEvent,
  type ErrorKind,
  EVENT_ROLES,
  type EventType,
  type JsonObject,
  type ServerEvent,
  type StreamTokenEvent,
  unknownOf,
} from './wire/index';
import {
  type Action,
  type Ending,
  type Outcome,
  type QuestionKind,
  type Refusal,
  type StepEvent,
  type TurnState as TurnWord,
  VERBS,
} from './wire/steps';

/** A verb that waits, with the promise that its caller holds. */
interface Waiting extends Verb {
  readonly deferred: Deferred<unknown>;
  readonly read: (event: ServerEvent) => unknown;
  timer?: Timer | undefined;
}

/** Why something happened, for the effects of a step. */
interface TurnCause extends Cause {
  /** Size of the event's frame. */
  readonly bytes?: number;
  /** Question that was open before the step. */
  readonly asked?: QuestionKind | undefined;
}

/** Asks the history of a session what became of the message of a turn. */
export type Recover = (
  ids: { readonly requestId: string; readonly sessionId: string },
  options?: WaitOptions,
) => Answer<Recovery>;

/** Carries out what the tables say about one turn: items, questions, timers, verbs, its end. */
export class TurnDriver implements InFlight {
  readonly sender: Sender;
  readonly outgoing: Outgoing;
  readonly requestId: string;
  readonly sessionId: string;
  /** Asks the history what became of the message (REQ-TURN-30). */
  readonly recover: (options?: WaitOptions) => Answer<Recovery>;
  readonly text = new Accumulator();
  readonly items = new TurnItems(this.text.streamed);
  result: TurnResult | undefined;
  error: SmoothAgentError | undefined;
  /** Whether anybody ever iterated or awaited the turn. */
  seen = false;
  detached = false;
  /** Iterators that are open and waits for the result. */
  readonly watchers = new Set<object>();
  /** Called once, when the turn has its outcome. */
  readonly endings: (() => void)[] = [];
  readonly #state: TurnState<Waiting>;
  readonly #questions: Questions;
  readonly #clocks: TurnClocks;
  /** No text has come yet. */
  #silent = true;
  #cancelSent = false;
  readonly #beganAt: number;
  #firstTokenAt: number | undefined;

  constructor(sender: Sender, outgoing: Frame, sessionId: string, recover: Recover) {
    this.sender = sender;
    this.recover = (options) => recover(this, options);
    this.#beganAt = sender.settings.clock.now();
    this.outgoing = outgoing;
    this.requestId = outgoing.requestId;
    this.sessionId = sessionId;
    this.#questions = new Questions(sender.settings, () => this.#local('question_timeout'));
    this.#clocks = new TurnClocks(sender.settings, (word) => this.#local(word));
    this.#state = new TurnState((kind, type) => this.#questions.expired(kind, type));
  }

  get state(): TurnWord {
    return this.#state.turn;
  }

  /** Whether the outcome is there. */
  get settled(): boolean {
    return this.result !== undefined || this.error !== undefined;
  }

  /** The question of a kind that waits for an answer. */
  open<K extends QuestionKind>(kind: K): Question<K> | undefined {
    return this.#state.question(kind) === 'open' ? this.#questions.current(kind) : undefined;
  }

  /** Whether the turn, or a question that outlives it, still takes answers. */
  get live(): boolean {
    return !this.settled || this.#state.outlived;
  }

  /** Queues the message and starts the limits. */
  start(): void {
    this.follow();
    try {
      const refusal = this.sender.submit(this.outgoing);
      if (refusal) this.linkEvent(refusal, {});
    } catch (error) {
      this.linkEvent('too_large', { error: error as SmoothAgentError });
    }
  }

  /** Takes what comes under the id, and starts the limits; the frame is on its way already. */
  follow(): void {
    const { turnTimeoutMs } = this.sender.settings;
    this.sender.router.add(this.requestId, this);
    this.sender.watch.tell('turnStarted', this.requestId, this.sessionId);
    this.#touch();
    if (turnTimeoutMs > 0) this.#clocks.start(turnTimeoutMs, 'total_timeout');
  }

  // What comes in

  received(event: ServerEvent, bytes: number): boolean {
    if (event.type === 'stream_token' && !this.settled) this.#heard(event);
    if (fastPaths.quiet && this.#state.quiet(event.type)) {
      this.items.add(event, bytes);
      this.#clocks.touch(false);
      return true;
    }
    const asked = this.#state.openQuestion;
    this.#all(this.#state.frame(event), { event, bytes, asked });
    this.#touch();
    return true;
  }

  #heard(token: StreamTokenEvent): void {
    this.text.add(token);
    if (!this.#silent) return;
    this.#silent = false;
    this.#firstTokenAt = this.sender.settings.clock.now();
    this.sender.watch.tell('firstToken', this.requestId);
  }

  broken(fault: DecodeError, bytes: number): boolean {
    const ends = EVENT_ROLES[fault.type as EventType]?.startsWith('terminal');
    if (ends) this.#all(this.#state.local('broken', true), { fault });
    else this.received(unknownOf(fault), bytes);
    return true;
  }

  linkEvent(word: StepEvent, facts: LinkFacts): void {
    this.#local(word, facts);
    // The check of a code outlives its turn, but not the link (REQ-VERB-06).
    const kind = VERB_KINDS[word] ?? 'connection_lost';
    for (const verb of [...this.#state.verbs]) {
      const error = facts.error ?? linkError(kind, facts, this.facts());
      this.#done(verb, () => verb.deferred.reject(error));
    }
    this.#release();
  }

  nextSend(sessionId: string): void {
    if (this.settled && sessionId === this.sessionId) this.#local('send');
  }

  // What the handle asks for

  /** Sends an answer; it resolves to what the server makes of it, or fails (REQ-VERB-05). */
  answer<T>({ name, members, read }: VerbPlan<T>): Answer<T> {
    const { logger, clock, requestTimeoutMs } = this.sender.settings;
    const kind = VERBS[name].question as QuestionKind;
    let frame: Frame;
    try {
      frame = this.#frameOf(name, { ...echoed(name, this.open(kind)), ...members });
    } catch (error) {
      return Answers.failed(logger, name, error);
    }
    const refusal = this.#state.answer(kind);
    if (refusal) return Answers.failed(logger, name, this.#refused(refusal));
    const deferred = Answers.pending<T>(logger, name);
    const verb: Waiting = { name, deferred: deferred as Deferred<unknown>, read };
    this.#state.verbs.push(verb);
    this.#questions.answered(kind);
    this.#touch();
    if (requestTimeoutMs > 0) {
      verb.timer = startLimit(clock, requestTimeoutMs, () => this.#late(verb));
    }
    this.#send(frame, verb);
    return deferred.answer;
  }

  /** Stops the turn; resolves when it has settled (REQ-STOP-01). */
  cancel(): Answer<void> {
    const deferred = Answers.pending<void>(this.sender.settings.logger, 'cancel');
    if (this.settled) {
      deferred.resolve();
      return deferred.answer;
    }
    const read = (): void => {};
    this.#state.verbs.push({ name: 'cancel', deferred: deferred as Deferred<unknown>, read });
    this.#local('cancel');
    return deferred.answer;
  }

  /** Stops the turn, if nobody else is interested in it (REQ-STOP-04, REQ-STOP-05). */
  leave(watcher: object): void {
    this.watchers.delete(watcher);
    if (!this.detached && !this.settled && this.watchers.size === 0) this.stop();
  }

  /** Stops the turn; a message that still waits for the link is taken back (REQ-STOP-01). */
  stop(): void {
    this.#local('cancel');
  }

  /** Begins the facts of an error of this turn. */
  facts(): ErrorFacts {
    const { host } = this.sender.settings;
    return { requestId: this.requestId, sessionId: this.sessionId, host };
  }

  // Effects

  #local(word: StepEvent, link?: LinkFacts): void {
    // The end of a turn closes its questions; its error names the one that was open.
    const asked = this.#state.openQuestion;
    const todo = this.#state.local(word, this.outgoing.mayHaveLeft, link?.sought);
    this.#all(todo, { asked, ...(link ? { link } : {}) });
  }

  #all(todo: readonly Todo<Waiting>[], cause: TurnCause): void {
    for (const one of todo) this.#do(one, cause);
    this.#release();
  }

  #do({ effect, question, verb }: Todo<Waiting>, cause: TurnCause): void {
    switch (effect.do) {
      case 'item':
        if (cause.event) this.items.add(cause.event, cause.bytes ?? 0);
        break;
      case 'settle':
        this.#settle(effect.outcome, effect.ending, cause);
        break;
      case 'resolve':
        this.#resolve(verb, cause.event);
        break;
      case 'fail':
        this.#refuse(verb, cause.event);
        break;
      case 'open':
        if (question && cause.event) {
          this.#questions.opened(question, cause.event, !this.#state.settled);
          this.sender.watch.tell('question', this.requestId, question);
        }
        break;
      case 'reopen':
        if (question) this.#questions.reopened(question, !this.#state.settled);
        break;
      case 'shut':
        if (question) this.#questions.shut(question);
        break;
      case 'send':
        this.#sendOwn(effect.action);
        break;
      // A refused answer is told to whoever gives it; a frame that is tapped was shown by the link.
      case 'refuse':
      case 'tap':
        break;
      default:
        effect satisfies never;
    }
  }

  #resolve(verb: Waiting | undefined, event: ServerEvent | undefined): void {
    if (verb && event) this.#done(verb, () => verb.deferred.resolve(verb.read(event)));
  }

  #refuse(verb: Waiting | undefined, event: ServerEvent | undefined): void {
    const error = serverError(event as ErrorEvent, this.facts());
    if (verb) this.#done(verb, () => verb.deferred.reject(error));
  }

  #settle(outcome: Outcome, ending: Ending | undefined, cause: TurnCause): void {
    if (outcome === 'failed') {
      this.error = this.#errorOf(ending ?? 'protocol', cause);
    } else {
      const { requestId, sessionId, text } = this;
      const confirmed = ending !== 'unconfirmed';
      this.result = resultOf({
        outcome,
        confirmed,
        requestId,
        sessionId,
        text,
        event: cause.event,
        ...this.#times(),
      });
    }
    // A turn whose signal had aborted never began.
    if (this.requestId !== '') {
      this.sender.watch.tell('turnSettled', this.requestId, outcome, this.error);
    }
    this.#clocks.stop();
    this.outgoing.withdraw();
    this.#questions.stop();
    this.#settleVerbs();
    this.items.end();
    for (const told of this.endings.splice(0)) told();
    if (this.error) this.#warnUnseen(this.error);
  }

  /** How long it all took (REQ-LOG-03). */
  #times(): Pick<TurnResult, 'durationMs' | 'timeToFirstTokenMs'> {
    const durationMs = this.sender.settings.clock.now() - this.#beganAt;
    if (this.#firstTokenAt === undefined) return { durationMs };
    return { durationMs, timeToFirstTokenMs: this.#firstTokenAt - this.#beganAt };
  }

  #settleVerbs(): void {
    for (const verb of [...this.#state.verbs]) {
      // A code may be judged after the end of its turn (REQ-VERB-06).
      if (VERBS[verb.name].outlivesTurn) continue;
      const closed = this.error ?? errorOfLeaf('NoPendingQuestion', this.facts());
      const isCancel = verb.name === 'cancel';
      const { deferred } = verb;
      this.#done(verb, () => (isCancel ? deferred.resolve(undefined) : deferred.reject(closed)));
    }
  }

  #errorOf(ending: Ending, cause: TurnCause): SmoothAgentError {
    const facts = { ...this.facts(), partialText: this.text.text };
    const shown = linkKind(ending as ErrorKind, cause.link?.code);
    const interrupted = shown === 'turn_interrupted';
    if (!interrupted && shown !== 'turn_timeout') return failure(ending, cause, facts);
    const details = {
      ...(cause.asked ? { question: cause.asked } : {}),
      ...(interrupted ? { sent: this.outgoing.mayHaveLeft } : {}),
    };
    return failure(ending, cause, { ...facts, details, recover: this.recover });
  }

  /** Writes what the turn sends by itself; the frame of an answer is written by who gives it. */
  #sendOwn(action: Action): void {
    if (action !== 'cancel' || this.#cancelSent) return;
    this.#cancelSent = true;
    const { requestId, sessionId } = this;
    const cancel = checkedAction(action, { requestId, sessionId });
    this.sender.submit(this.sender.frame(cancel, requestId));
    // The cancel of a timeout is written before the turn settles, which stops this clock.
    this.#clocks.start(this.sender.settings.cancelTimeoutMs, 'cancel_timeout');
  }

  /** @throws {TypeError} a member is not allowed (REQ-CALL-12). */
  #frameOf(verb: Verb['name'], members: JsonObject): Frame {
    const { requestId, sessionId } = this;
    const name = VERBS[verb].action as ActionName;
    const params = { requestId, sessionId, ...members } as ActionParams<ActionName>;
    return this.sender.frame(checkedAction(name, params), requestId);
  }

  #send(outgoing: Outgoing, verb: Waiting): void {
    try {
      const refusal = this.sender.submit(outgoing);
      if (!refusal) return;
      const error = linkError(refusal, undefined, this.facts());
      this.#done(verb, () => verb.deferred.reject(error));
    } catch (error) {
      this.#done(verb, () => verb.deferred.reject(error));
    }
  }

  #late(verb: Waiting): void {
    const error = linkError('request_timeout', undefined, this.facts());
    this.#done(verb, () => verb.deferred.reject(error));
    this.#release();
  }

  #done(verb: Waiting, finish: () => void): void {
    this.#state.take(verb);
    verb.timer?.cancel();
    finish();
  }

  #refused(refusal: Refusal): SmoothAgentError {
    const leaf = refusal === 'already_answered' ? 'AlreadyAnswered' : 'NoPendingQuestion';
    return errorOfLeaf(leaf, this.facts());
  }

  /** Starts the idle clock anew; it stands still while a question is open. */
  #touch(): void {
    this.#clocks.touch(this.settled || this.#state.openQuestion !== undefined);
  }

  // The end

  /** Forgets a settled turn, unless its OTP question or a check of a code is still out. */
  #release(): void {
    if (this.settled && !this.live && this.#state.verbs.length === 0) {
      this.sender.router.settle(this.requestId, this);
    }
  }

  async #warnUnseen(error: SmoothAgentError): Promise<void> {
    // `await turn` looks at the turn a few microtasks after `send` has returned.
    for (let turns = 0; turns < 3; turns += 1) await undefined;
    if (!this.seen) this.sender.settings.logger.warn('a turn failed unseen: %s', error.kind);
  }
}

/** What a verb fails with, by what happened to the link. */
const VERB_KINDS: { readonly [W in StepEvent]?: ErrorKind } = {
  close: 'client_closed',
  too_large: 'message_too_large',
  not_connected: 'not_connected',
  queue_full: 'queue_full',
};
