import { Accumulator } from './accumulator';
import type { Timer } from './clock';
import { type LinkFacts, Outgoing } from './connection';
import { errorOfLeaf, type ErrorFacts, type QuestionKind, type SmoothAgentError } from './errors';
import { fastPaths } from './options';
import { type Question, Questions } from './questions';
import {
  frameError,
  type InFlight,
  attemptError,
  linkError,
  linkKind,
  type Requests,
  serverError,
  statusError,
  statusOf,
} from './requests';
import { type Answer, Answer as Answers, type Deferred } from './requests.answer';
import { TurnClocks } from './turn.clocks';
import { resultOf, type TurnResult } from './turn.result';
import { TurnItems } from './turn-items';
import { type Todo, TurnState, type Verb } from './turn-state';
import {
  type DecodeError,
  encodeAction,
  type ErrorEvent,
  type ErrorKind,
  EVENT_ROLES,
  type EventType,
  type LocalWord,
  makeAction,
  type ServerEvent,
  unknownOf,
  type Verb as VerbName,
} from './wire/index';

/** A verb that waits, with the promise that its caller holds. */
interface Waiting extends Verb {
  readonly deferred: Deferred<unknown>;
  readonly read: (event: ServerEvent) => unknown;
  timer?: Timer | undefined;
}

/** What an answer to a question is made of. */
export interface VerbPlan<T> {
  readonly name: VerbName;
  readonly question: QuestionKind;
  readonly outgoing: Outgoing;
  readonly read: (event: ServerEvent) => T;
}

/** Why something happened, for the effects of a step. */
interface Cause {
  readonly event?: ServerEvent;
  /** Size of the event's frame. */
  readonly bytes?: number;
  readonly fault?: DecodeError;
  readonly link?: LinkFacts;
  /** Question that was open before the step. */
  readonly asked?: QuestionKind | undefined;
}

/** Carries out what the tables say about one turn: items, questions, timers, verbs, its end. */
export class TurnDriver implements InFlight {
  readonly requests: Requests;
  readonly outgoing: Outgoing;
  readonly requestId: string;
  readonly sessionId: string;
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
  #cancelSent = false;

  constructor(requests: Requests, outgoing: Outgoing, sessionId: string) {
    this.requests = requests;
    this.outgoing = outgoing;
    this.requestId = outgoing.requestId ?? '';
    this.sessionId = sessionId;
    this.#questions = new Questions(requests.settings, () => this.#local('question_timeout'));
    this.#clocks = new TurnClocks(requests.settings, (word) => this.#local(word));
    this.#state = new TurnState((kind, type) => this.#questions.expired(kind, type));
  }

  get state(): TurnState<Waiting>['turn'] {
    return this.#state.turn;
  }

  /** Whether the outcome is there. */
  get settled(): boolean {
    return this.result !== undefined || this.error !== undefined;
  }

  /** The question of a kind that waits for an answer. */
  open<K extends QuestionKind>(kind: K): Question<K> | undefined {
    return this.#state.questions[kind] === 'open' ? this.#questions.current(kind) : undefined;
  }

  /** The question of a kind that was asked last and is not closed. */
  asked<K extends QuestionKind>(kind: K): Question<K> | undefined {
    return this.#questions.current(kind);
  }

  /** Whether the turn, or its OTP question, still takes answers. */
  get live(): boolean {
    return !this.settled || this.#state.questions.otp !== 'none';
  }

  /** Queues the message and starts the limits. */
  start(): void {
    const { turnTimeoutMs } = this.requests.settings;
    this.requests.add(this.requestId, this);
    this.#touch();
    if (turnTimeoutMs > 0) this.#clocks.start(turnTimeoutMs, 'total_timeout');
    try {
      if (!this.requests.submit(this.outgoing)) this.linkEvent('not_connected', {});
    } catch (error) {
      this.linkEvent('too_large', { error: error as SmoothAgentError });
    }
  }

  // What comes in

  received(event: ServerEvent, bytes: number): boolean {
    if (event.type === 'stream_token' && !this.settled) this.text.add(event);
    if (fastPaths.quiet && this.#state.quiet(event.type)) {
      this.items.add(event, bytes);
    } else {
      const asked = this.#state.openQuestion;
      this.#all(this.#state.frame(event), { event, bytes, asked });
    }
    this.#touch();
    return true;
  }

  broken(fault: DecodeError, bytes: number): boolean {
    const ends = EVENT_ROLES[fault.type as EventType]?.startsWith('terminal');
    if (ends) this.#all(this.#state.local('broken'), { fault });
    else this.received(unknownOf(fault), bytes);
    return true;
  }

  linkEvent(word: LocalWord, facts: LinkFacts): void {
    this.#local(word, facts);
    // A code's check outlives its turn, but not the link (REQ-VERB-06).
    const kind = VERB_KINDS[word] ?? 'connection_lost';
    for (const verb of [...this.#state.verbs]) {
      const error = facts.error ?? linkError(kind, facts, this.#facts());
      this.#done(verb, () => verb.deferred.reject(error));
    }
    this.#release();
  }

  nextSend(sessionId: string): void {
    if (this.settled && sessionId === this.sessionId) this.#all(this.#state.local('send'), {});
  }

  // What the handle asks for

  /** Sends an answer; it resolves to what the server makes of it, or fails (REQ-VERB-05). */
  answer<T>(plan: VerbPlan<T>): Answer<T> {
    const { logger, clock, requestTimeoutMs } = this.requests.settings;
    const refused = this.#state.ask(plan.question, 'answer').find(({ name }) => name === 'refuse');
    if (refused) return Answers.failed(logger, plan.name, this.#refusal(refused));
    const deferred = Answers.pending<T>(logger, plan.name);
    const verb: Waiting = {
      name: plan.name,
      deferred: deferred as Deferred<unknown>,
      read: plan.read,
    };
    this.#state.verbs.push(verb);
    this.#questions.answered(plan.question);
    this.#touch();
    if (requestTimeoutMs > 0) {
      const late = (): void => this.#late(verb);
      verb.timer = clock.setTimer(requestTimeoutMs, late);
    }
    this.#send(plan.outgoing, verb);
    return deferred.answer;
  }

  /** Stops the turn; resolves when it has settled (REQ-STOP-01). */
  cancel(): Answer<void> {
    const deferred = Answers.pending<void>(this.requests.settings.logger, 'cancel');
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

  // Effects

  #local(word: LocalWord, link?: LinkFacts): void {
    // The end of a turn closes its questions; its error names the one that was open.
    const asked = this.#state.openQuestion;
    this.#all(this.#state.local(word, this.outgoing.waitsForLink), {
      asked,
      ...(link ? { link } : {}),
    });
  }

  #all(todo: readonly Todo<Waiting>[], cause: Cause): void {
    for (const one of todo) this.#do(one, cause);
    this.#release();
  }

  #do(todo: Todo<Waiting>, cause: Cause): void {
    const { question, verb } = todo;
    const { event, bytes = 0 } = cause;
    if (todo.name === 'item' && event) {
      this.items.add(event, bytes);
    } else if (todo.name === 'settle') {
      this.#settle(todo.args, cause);
    } else if (todo.name === 'send' && question === undefined) {
      this.#sendCancel();
    } else if (todo.name === 'resolve' && verb && event) {
      this.#done(verb, () => verb.deferred.resolve(verb.read(event)));
    } else if (todo.name === 'fail' && verb) {
      const error = serverError(event as ErrorEvent, this.#facts());
      this.#done(verb, () => verb.deferred.reject(error));
    } else if (question) {
      this.#ask(todo, question, event);
    }
  }

  #ask(todo: Todo<Waiting>, question: QuestionKind, event: ServerEvent | undefined): void {
    if (todo.name === 'open' && event) this.#questions.opened(question, event, !this.settled);
    else if (todo.name === 'reopen') this.#questions.reopened(question, !this.settled);
    else if (todo.name === 'shut') this.#questions.shut(question);
  }

  #settle([outcome, detail]: readonly string[], cause: Cause): void {
    if (outcome === 'failed') {
      this.error = this.#errorOf(detail as FailKind, cause);
    } else {
      const completed = outcome === 'completed';
      this.result = resultOf({
        outcome: completed ? 'completed' : 'cancelled',
        confirmed: detail !== 'unconfirmed',
        requestId: this.requestId,
        sessionId: this.sessionId,
        event: cause.event,
        text: this.text,
      });
    }
    this.#clocks.stop();
    this.outgoing.drop();
    this.#questions.stop();
    this.#settleVerbs();
    for (const kind of ['confirmation', 'interaction'] as const) {
      for (const todo of this.#state.ask(kind, 'settle')) this.#ask(todo, kind, undefined);
    }
    this.items.end();
    for (const ending of this.endings.splice(0)) ending();
    if (this.error) this.#warnUnseen(this.error);
  }

  #settleVerbs(): void {
    for (const verb of [...this.#state.verbs]) {
      if (verb.name === 'cancel') {
        this.#done(verb, () => verb.deferred.resolve(undefined));
      } else if (verb.name !== 'verify_otp' && verb.name !== 'decline_otp') {
        const closed = errorOfLeaf('NoPendingQuestion', this.#facts());
        this.#done(verb, () => verb.deferred.reject(this.error ?? closed));
      }
    }
  }

  #errorOf(kind: FailKind, { event, fault, link, asked }: Cause): SmoothAgentError {
    const facts = { ...this.#facts(), partialText: this.text.text };
    if (kind === 'attempt' && link?.error) return attemptError(link.error, facts);
    if (kind === 'message_too_large' && link?.error) return link.error;
    if (kind === 'by_code') return serverError(event as ErrorEvent, facts);
    if (kind === 'protocol') return statusError(statusOf(event), facts);
    if (kind === 'invalid_frame' && fault) return frameError(fault, facts);
    const shown = linkKind(kind as ErrorKind, link?.code);
    const interrupted = shown === 'turn_interrupted';
    const details = {
      ...(asked && (interrupted || shown === 'turn_timeout') ? { question: asked } : {}),
      ...(interrupted ? { sent: this.outgoing.written } : {}),
    };
    return linkError(shown, link, { ...facts, details });
  }

  #sendCancel(): void {
    if (this.#cancelSent) return;
    this.#cancelSent = true;
    const action = makeAction('cancel', { requestId: this.requestId, sessionId: this.sessionId });
    this.requests.submit(new Outgoing('cancel', this.requestId, encodeAction(action)));
    // The cancel of a timeout is written before the turn settles, which stops this clock.
    this.#clocks.start(this.requests.settings.cancelTimeoutMs, 'cancel_timeout');
  }

  #send(outgoing: Outgoing, verb: Waiting): void {
    try {
      if (this.requests.submit(outgoing)) return;
      const error = linkError('not_connected', undefined, this.#facts());
      this.#done(verb, () => verb.deferred.reject(error));
    } catch (error) {
      this.#done(verb, () => verb.deferred.reject(error));
    }
  }

  #late(verb: Waiting): void {
    const error = linkError('request_timeout', undefined, this.#facts());
    this.#done(verb, () => verb.deferred.reject(error));
    this.#release();
  }

  #done(verb: Waiting, finish: () => void): void {
    this.#state.take(verb);
    verb.timer?.cancel();
    finish();
  }

  #refusal({ args: [word] }: Todo<Waiting>): SmoothAgentError {
    const leaf = word === 'already_answered' ? 'AlreadyAnswered' : 'NoPendingQuestion';
    return errorOfLeaf(leaf, this.#facts());
  }

  /** Starts the idle clock anew; it stands still while a question is open. */
  #touch(): void {
    this.#clocks.touch(this.settled || this.#state.openQuestion !== undefined);
  }

  // The end

  #facts(): ErrorFacts {
    const { host } = this.requests.settings;
    return { requestId: this.requestId, sessionId: this.sessionId, host };
  }

  /** Forgets a settled turn, unless its OTP question or a check of a code is still out. */
  #release(): void {
    if (this.settled && !this.live && this.#state.verbs.length === 0) {
      this.requests.settle(this.requestId, this);
    }
  }

  async #warnUnseen(error: SmoothAgentError): Promise<void> {
    // `await turn` looks at the turn a few microtasks after `send` has returned.
    for (let turns = 0; turns < 3; turns += 1) await undefined;
    if (!this.seen) this.requests.settings.logger.warn('a turn failed unseen: %s', error.kind);
  }
}

/** The word behind `settle(failed, …)`: a kind, or where the error comes from. */
type FailKind = ErrorKind | 'by_code' | 'attempt';

/** What a verb fails with, by what happened to the link. */
const VERB_KINDS: { readonly [W in LocalWord]?: ErrorKind } = {
  close: 'client_closed',
  too_large: 'message_too_large',
  not_connected: 'not_connected',
};
