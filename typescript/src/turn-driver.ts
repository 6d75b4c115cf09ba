import { startLimit, type Timer } from './clock';
import { errorOfKind, type ErrorFacts, type SmoothAgentError } from './errors';
import type { LinkFacts } from './errors-made';
import type { Recovery } from './history-recovery';
import { fastPaths } from './options-fast-paths';
import { type Question, Questions } from './questions';
import { type Answer, Answer as Answers } from './requests-answer';
import type { InFlight } from './router';
import type { Frame, Sender } from './sender';
import type { WaitOptions } from './turn';
import { TurnAnswers, type Waiting } from './turn-answers';
import { TurnClocks } from './turn-clocks';
import { Handling } from './turn-handling';
import type { TurnLine } from './turn-line';
import { brokenWord, type TurnCause, turnError, type TurnPlan, TurnTimes } from './turn-outcome';
import { resultOf, type TurnResult } from './turn-result';
import { Resuming } from './turn-resuming';
import { TurnShown } from './turn-shown';
import { type Todo, TurnState } from './turn-state';
import type { VerbPlan } from './turn-verbs';
import {
  type DecodeError,
  type ErrorEvent,
  type ServerEvent,
  type StreamTokenEvent,
  type TurnResumedEvent,
  unknownOf,
} from './wire/index';
import { LIMITS } from './wire/options';
import {
  type Action,
  type Ending,
  type Facts,
  type Outcome,
  type QuestionKind,
  QUESTIONS,
  type StepEvent,
  type TurnState as TurnWord,
  VERBS,
} from './wire/steps';

/** Carries out what the tables say about one turn: items, questions, timers, verbs, its end. */
export class TurnDriver extends TurnShown implements InFlight {
  /** A message that is sent again after its code has another one (REQ-ASK-11). */
  requestId: string;
  readonly sessionId: string;
  readonly parks: boolean;
  readonly handling: Handling;
  /** Asks what became of the message (REQ-TURN-30). */
  readonly recover: (options?: WaitOptions) => Answer<Recovery>;
  #state: TurnState<Waiting>;
  readonly #questions: Questions;
  readonly #clocks: TurnClocks;
  #answers: TurnAnswers;
  #resuming: Resuming;
  readonly #again: TurnPlan['again'];
  readonly #line: TurnLine;
  /** Whether the message waits for the turns before it (REQ-TURN-31). */
  waits = false;
  #sentAt = 0;
  /** The message was sent again after its code, or because it came too early. */
  #resent = false;
  #retried = false;
  /** Runs until a message that came too early is sent again (REQ-TURN-32). */
  #slot: Timer | undefined;
  /** The result that came while a handler is to give a code (REQ-ASK-11). */
  #held: TurnResult | undefined;
  #outgoing: Frame;
  /** Another client sent the message. */
  #takenUp = false;
  #cancelling = false;
  readonly #times: TurnTimes;

  constructor(sender: Sender, plan: TurnPlan) {
    const { outgoing, sessionId, replays, parks, line, handlers, again, recover } = plan;
    super(sender);
    this.recover = (options) => recover(this, this.#resuming.last, options);
    this.#times = new TurnTimes(sender.settings.clock);
    this.#outgoing = outgoing;
    this.requestId = outgoing.requestId;
    this.sessionId = sessionId;
    this.parks = parks;
    this.#again = again;
    this.#line = line;
    this.#questions = new Questions(sender.settings, () => this.#local('question_timeout'));
    this.#clocks = new TurnClocks(sender.settings, (word) => this.#local(word));
    this.#resuming = new Resuming(sender.settings, replays);
    this.#state = this.#newState();
    this.#answers = new TurnAnswers(this.sender, this.#state, this, () => this.#after());
    this.handling = new Handling(this, handlers);
  }

  #newState(): TurnState<Waiting> {
    return new TurnState((kind, event, word) => {
      const asked = this.#questions.current(kind)?.event;
      const passed = asked && this.#resuming.passed(asked, event);
      return this.#questions.expired(kind, word, passed);
    });
  }

  /** How far the turn is; running while it waits for a code (REQ-ASK-11). */
  get state(): TurnWord {
    return this.#held ? 'running' : this.#state.turn;
  }

  // For handlers

  /** Whether the terminal event came, of the message that was sent last. */
  get isOver(): boolean {
    return this.#state.settled;
  }

  /** Whether what the turn shows is the present, and nothing of the past (REQ-ASK-13). */
  get isCurrent(): boolean {
    return this.#state.turn !== 'suspended' && !this.#resuming.behind;
  }

  /** State of the question of a kind. */
  question(kind: QuestionKind): 'none' | 'open' | 'answered' {
    return this.#state.question(kind);
  }

  /** Whether a code is being looked at. */
  get waitsForCheck(): boolean {
    return this.#state.verbs.some(({ name }) => VERBS[name].outlivesTurn);
  }

  /** Fails the turn (REQ-ASK-07); false when it had its outcome before. */
  handlerFailed(question: QuestionKind, cause: unknown): boolean {
    const told = { partialText: this.text.text, details: { question }, cause };
    const error = errorOfKind('handler_failed', { ...this.facts(), ...told });
    if (this.#held) this.#end(undefined, error);
    else if (this.#state.settled) return false;
    else this.#local('handler_failed', { error });
    return true;
  }

  /** Lets the result that was held back be the outcome, once no code can come (REQ-ASK-12). */
  releaseHeld(): void {
    if (!this.#held || this.handling.expectsCode) return;
    this.#end(this.#held, undefined);
    this.#answers.settle(this.error, this.#state.before === 'suspended');
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
    this.sender.router.nextSend(this.sessionId);
    this.#sentAt = this.sender.settings.clock.now();
    const isBegun = this.waits || this.#retried;
    this.waits = false;
    if (isBegun) this.#touch();
    else this.follow();
    try {
      const refusal = this.sender.submit(this.#outgoing);
      if (refusal) this.linkEvent(refusal, {});
    } catch (error) {
      this.linkEvent('too_large', { error: error as SmoothAgentError });
    }
  }

  /** Lets the message wait for the turns before it; its own time runs (REQ-TURN-31). */
  wait(): void {
    this.waits = true;
    this.follow();
  }

  /** Takes what comes under the id, and starts the limits; the frame is on its way already. */
  follow(): void {
    const { turnTimeoutMs } = this.sender.settings;
    this.sender.router.add(this.requestId, this);
    this.sender.watch.tell('turnStarted', this.requestId, this.sessionId);
    this.#touch();
    if (turnTimeoutMs > 0) this.#clocks.start(turnTimeoutMs, 'total_timeout');
  }

  /** Asks for a turn that runs already, from its first event on (REQ-RESUME-11). */
  takeUp(): void {
    this.#takenUp = true;
    this.#outgoing.on('taken');
    this.#line.join(this);
    this.follow();
    this.#local('take_up');
  }

  // What comes in

  received(event: ServerEvent, bytes: number): boolean {
    const isQuiet = fastPaths.quiet && this.#state.quiet(event.type) && !this.#slot;
    if (isQuiet && this.#resuming.follows(event)) {
      if (event.type === 'stream_token') this.#heard(event);
      this.items.add(event, bytes);
      this.#clocks.touch(false);
    } else {
      this.#take(event, event.type, bytes);
    }
    return true;
  }

  /** Carries out what the tables say about an event, which is `word` to the turn. */
  #take(event: ServerEvent, type: StepEvent, bytes: number, fault?: DecodeError): void {
    if (this.#isTooEarly(event)) return;
    const resuming = this.#resuming;
    const { openQuestion: asked, turn, settled } = this.#state;
    const word = settled ? type : resuming.takes(event, type, turn);
    if (word === 'stream_token' && !settled) this.#heard(event as StreamTokenEvent);
    const tells = resuming.replays && word === 'turn_resumed';
    const state = tells ? resuming.stateOf(event as TurnResumedEvent) : undefined;
    const todo = this.#state.frame(event, word, { ...this.#facts(), resumeState: state });
    this.#all(todo, { word, event, bytes, asked, state, ...(fault ? { fault } : {}) });
    if (resuming.caughtUp()) {
      const unsure = this.#state.verbs.filter((verb) => verb.unsure);
      for (const verb of unsure) this.#step('caught_up', undefined, verb); // REQ-RESUME-07
    }
    if (word === 'otp_verified' && this.#held) this.#sendAgain();
    else if (this.#state.settled && !settled) this.#line.terminal(this.sessionId);
    this.#touch();
    this.#after();
  }

  #heard(token: StreamTokenEvent): void {
    this.text.add(token);
    if (this.#times.heard()) this.sender.watch.tell('firstToken', this.requestId);
  }

  broken(fault: DecodeError, bytes: number): boolean {
    this.#take(unknownOf(fault), brokenWord(fault, this.#resuming.replays), bytes, fault);
    return true;
  }

  linkEvent(word: StepEvent, facts: LinkFacts): void {
    this.#clocks.clear('resume_due');
    this.#step(word, facts);
    if (this.state !== 'suspended') this.#answers.linkGone(word, facts);
    this.#after();
  }

  linkOpened(): void {
    this.#local('opened');
  }

  nextSend(sessionId: string): void {
    if (this.#state.settled && sessionId === this.sessionId) this.#local('send');
  }

  // What the handle asks for

  /** Sends an answer; it resolves to what the server makes of it, or fails (REQ-VERB-05). */
  answer<T>(plan: VerbPlan<T>): Answer<T> {
    let verb: Waiting;
    try {
      verb = this.give(plan, false);
    } catch (error) {
      return Answers.failed(this.sender.settings.logger, plan.name, error);
    }
    this.handling.run();
    return verb.deferred.answer as Answer<T>;
  }

  /**
   * As `answer`; nobody waits for the verb of a handler.
   *
   * @throws {TypeError | MessageTooLargeError} it cannot be sent; the question is open still.
   */
  give(plan: VerbPlan<unknown>, byHandler: boolean): Waiting {
    const kind = VERBS[plan.name].question as QuestionKind;
    const verb = this.#answers.made(plan, this.open(kind), byHandler);
    const refusal = this.#state.answer(kind);
    if (refusal) {
      this.#answers.refuse(verb, refusal);
      return verb;
    }
    this.#state.verbs.push(verb);
    this.#questions.answered(kind);
    this.handling.ended(kind);
    this.#touch();
    if (this.state === 'suspended') this.#resuming.held.push(verb);
    else this.#answers.write(verb);
    return verb;
  }

  /** Stops the turn; resolves when it has settled (REQ-STOP-01). */
  cancel(): Answer<void> {
    const verb = this.#answers.cancel();
    if (this.settled) {
      verb.deferred.resolve(undefined);
    } else {
      this.#state.verbs.push(verb);
      this.stop();
    }
    return verb.deferred.answer as Answer<void>;
  }

  /** Stops the turn; a message that still waits for the link is taken back (REQ-STOP-01). */
  stop(): void {
    if (this.#held) this.handling.stop();
    this.#local('cancel');
  }

  /** Begins the facts of an error of this turn. */
  facts(): ErrorFacts {
    return this.#answers.facts();
  }

  // Effects

  #local(word: StepEvent, link?: LinkFacts): void {
    this.#step(word, link);
    const lapsed = word === 'question_timeout' || word === 'total_timeout';
    if (this.#held && lapsed) this.handling.stop();
    this.#after();
  }

  #step(word: StepEvent, link?: LinkFacts, verb?: Waiting): void {
    // The end of a turn closes its questions; its error names the one that was open.
    const asked = this.#state.openQuestion;
    const facts = { ...this.#facts(), sought: link?.sought };
    const todo = this.#state.local(word, facts, verb);
    this.#all(todo, { word, asked, ...(link ? { link } : {}) });
  }

  /** After a step: calls handlers that are due, and lets go what is over. */
  #after(): void {
    this.handling.run();
    this.#release();
  }

  /** What the machines may look at beside the event. */
  #facts(): Facts {
    const { mayHaveLeft } = this.#outgoing;
    const { replays, last } = this.#resuming;
    return {
      mayHaveLeft,
      resumable: replays && mayHaveLeft && !this.#state.settled,
      unseen: last === 0 && !this.#takenUp,
      cancelling: this.#cancelling,
      askedBefore: this.#resuming.behind && this.#state.asksOne,
    };
  }

  #all(todo: readonly Todo<Waiting>[], cause: TurnCause): void {
    for (const one of todo) this.#do(one, cause);
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
        if (verb && cause.event) this.#answers.resolve(verb, cause.event);
        break;
      case 'fail':
        if (verb) {
          const error = this.#answers.fail(verb, effect.ending, cause.event);
          if (verb.byHandler && question) this.handling.refused(question, error);
        }
        break;
      case 'open':
        if (question && cause.event) this.#opened(question, cause.event);
        break;
      case 'reopen':
        if (question) {
          this.#ask(question);
          this.handling.reopened(question, cause.event);
        }
        break;
      case 'shut':
        if (question) {
          this.handling.ended(question);
          this.#questions.shut(question);
        }
        break;
      case 'send':
        this.#sendOwn(effect.action);
        break;
      case 'suspend':
        this.#suspend();
        break;
      case 'resume':
        this.#resume(cause.event as TurnResumedEvent);
        break;
      case 'schedule':
        this.#clocks.start(this.#resuming.pause(cause.event as ErrorEvent), 'resume_due');
        break;
      case 'repeat':
        this.#repeat(question && verb);
        break;
      // A refused answer is told to whoever gives it; a frame that is tapped was shown by the link.
      case 'refuse':
      case 'tap':
        break;
      default:
        effect satisfies never;
    }
  }

  #opened(question: QuestionKind, event: ServerEvent): void {
    const isFresh = this.#questions.current(question) === undefined;
    this.#questions.opened(question, event);
    this.#ask(question, this.#resuming.age(event));
    this.sender.watch.tell('question', this.requestId, question);
    this.handling.opened(question, event, isFresh);
  }

  /** Starts the limit of a question; one that outlives its turn has none then. */
  #ask(question: QuestionKind, age?: number): void {
    if (!this.#state.settled) this.#questions.start(question, age);
  }

  // Suspended

  /** Lets all clocks stand but those that run on (REQ-RESUME-09). */
  #suspend(): void {
    const { clock } = this.sender.settings;
    const left = this.#resuming.begin(clock.now(), this.#state.verbs);
    if (left > 0) this.#clocks.start(left, 'resume_timeout');
    this.#questions.stop();
    this.#answers.pause();
    this.#touch();
  }

  /** Starts the clocks anew, and writes what was answered meanwhile (REQ-RESUME-08). */
  #resume(event: TurnResumedEvent): void {
    const held = this.#resuming.goOn(event, this.sender.settings.clock.now());
    this.sender.resumed();
    this.#clocks.clear('resume_timeout');
    this.#clocks.clear('resume_due');
    for (const kind of Object.keys(QUESTIONS) as QuestionKind[])
      if (this.open(kind)) this.#ask(kind);
    this.#answers.goOn(held);
  }

  /** Writes a verb, or the message, once more. */
  #repeat(verb: Waiting | undefined): void {
    if (verb) {
      this.#answers.repeat(verb);
    } else {
      this.#outgoing = this.#outgoing.again() as Frame;
      this.sender.put(this.#outgoing);
    }
  }

  // The end

  #settle(outcome: Outcome, ending: Ending | undefined, cause: TurnCause): void {
    // The next link has it (REQ-RESUME-08).
    this.#sendCancel();
    this.#outgoing.withdraw();
    this.handling.settling();
    if (outcome === 'failed') {
      this.#end(undefined, this.#errorOf(ending ?? 'protocol', cause));
    } else {
      const { requestId, sessionId, text } = this;
      const { event } = cause;
      const ids = { outcome, confirmed: ending !== 'unconfirmed', requestId, sessionId };
      const result = resultOf({ ...ids, text, event, ...this.#times.all });
      if (outcome === 'completed' && this.#awaitsCode()) {
        this.#held = result;
        this.#clocks.keep('total_timeout');
      } else {
        this.#end(result, undefined);
      }
    }
    this.#answers.settle(this.error, this.#state.before === 'suspended');
  }

  /** Gives the turn its outcome. */
  #end(result: TurnResult | undefined, error: SmoothAgentError | undefined): void {
    this.#held = undefined;
    this.result = result;
    this.error = error;
    // A turn whose signal had aborted never began.
    if (this.requestId !== '') {
      const outcome = result?.outcome ?? 'failed';
      this.sender.watch.tell('turnSettled', this.requestId, outcome, error);
    }
    this.#clocks.stop();
    this.#slot?.cancel();
    this.#line.over(this);
    this.#questions.stop();
    this.finish();
  }

  /** Whether the turn goes on when its handler has given the code (REQ-ASK-11). */
  #awaitsCode(): boolean {
    const { handlers, expectsCode } = this.handling;
    const isOurs = this.#again !== undefined && !this.#resent;
    const isWanted = this.sender.settings.resendAfterOtp && isOurs;
    return isWanted && handlers.otp !== undefined && expectsCode;
  }

  /** Sends the message again, once, under a new id, and goes on with it (REQ-ASK-11). */
  #sendAgain(): void {
    this.#held = undefined;
    this.#resent = true;
    this.#renew();
    this.sender.router.nextSend(this.sessionId);
    const refusal = this.sender.submit(this.#outgoing);
    if (refusal) this.linkEvent(refusal, {});
  }

  /** Goes on under a new id, as for a message that was never sent. */
  #renew(): void {
    const { router, settings } = this.sender;
    this.#answers.drop();
    this.#questions.stop();
    router.settle(this.requestId, this);
    this.requestId = router.freshId();
    if (this.#again) this.#outgoing = this.#again(this.requestId);
    this.#resuming = new Resuming(settings, this.#resuming.replays);
    this.#state = this.#newState();
    this.#answers = new TurnAnswers(this.sender, this.#state, this, () => this.#after());
    this.#cancelling = false;
    this.text.restart();
    router.add(this.requestId, this);
  }

  /** Sends a message that was refused once more, if that may pass (REQ-TURN-32). */
  #isTooEarly(event: ServerEvent): boolean {
    if (this.#slot) return !this.settled;
    const isRefused = event.type === 'error' && event.code === 'TURN_IN_PROGRESS';
    if (!isRefused || this.state !== 'sent' || this.#retried || !this.#again) return false;
    if (!this.#line.isEarly(this, this.#sentAt)) return false;
    this.#retried = true;
    // It has not left, and leaves under another id.
    this.#outgoing = this.#again(this.requestId);
    this.#slot = startLimit(this.sender.settings.clock, LIMITS.slotPause, () => {
      this.#slot = undefined;
      if (this.settled) return;
      this.#renew();
      this.start();
    });
    return true;
  }

  #errorOf(ending: Ending, cause: TurnCause): SmoothAgentError {
    const { text, recover } = this;
    const { mayHaveLeft: sent } = this.#outgoing;
    const told = { sent, lost: this.sender.ending, partialText: text.text, recover };
    return turnError(ending, cause, { ...this.facts(), ...told });
  }

  /** Writes what the turn sends by itself; the frame of an answer is written by who gives it. */
  #sendOwn(action: Action): void {
    if (action === 'resume_turn') {
      // While there is no link, the one that opens is asked.
      if (!this.sender.linked) return;
      this.sender.put(this.#answers.frame(action, { afterSeq: this.#resuming.last }));
      this.#sendCancel();
    } else if (action === 'cancel') {
      this.handling.stop();
      if (this.#cancelling) return;
      this.#cancelling = true;
      this.#resuming.cancel = this.#answers.frame(action, {});
      if (this.state !== 'suspended' || this.sender.linked) this.#sendCancel();
    }
  }

  /** Writes the one cancel, where it is kept for that (REQ-RESUME-08). */
  #sendCancel(): void {
    const ended = this.#state.settled ? this.sender.settings.clock.now() : undefined;
    const cancel = this.#resuming.takeCancel(ended);
    if (!cancel) return;
    this.sender.put(cancel);
    // The cancel of a timeout is written before the turn settles, which stops this clock.
    this.#clocks.start(this.sender.settings.cancelTimeoutMs, 'cancel_timeout');
  }

  /** Starts the idle clock anew; it stands still while a question is open, or suspended. */
  #touch(): void {
    const rests = this.#state.settled || this.state === 'suspended' || this.waits;
    this.#clocks.touch(rests || this.#state.openQuestion !== undefined);
  }

  /** Forgets a settled turn, unless its OTP question or a check of a code is still out. */
  #release(): void {
    if (this.settled && !this.live && this.#state.verbs.length === 0) {
      this.sender.router.settle(this.requestId, this);
    }
  }
}
