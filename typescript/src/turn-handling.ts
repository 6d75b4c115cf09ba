// The handlers of one turn: who is called when, and what becomes of what they give (REQ-ASK).
import { startLimit, type Timer } from './clock';
import type { Handlers } from './handlers';
import type { TurnDriver } from './turn-driver';
import {
  confirming,
  declining,
  decliningOtp,
  submitting,
  type VerbPlan,
  verifying,
} from './turn-verbs';
import type { JsonObject, ServerEvent } from './wire/index';
import { LIMITS } from './wire/options';
import { QUESTIONS, type QuestionKind } from './wire/steps';

type Events = Readonly<Record<string, ServerEvent>>;
type Handler = (ask: never, signal: AbortSignal) => unknown;

/** One call of a handler that has not ended. */
interface Run {
  readonly kind: QuestionKind;
  readonly abort: AbortController;
  readonly timer: Timer | undefined;
}

const KINDS = Object.keys(QUESTIONS) as QuestionKind[];
const ASKED_BY: { readonly [type: string]: QuestionKind } = {
  write_confirmation_required: 'confirmation',
  otp_verification_required: 'otp',
  otp_sent: 'otp',
  interaction_required: 'interaction',
};
/** The only event that tells more of a question that is open. */
const MORE = 'otp_sent';
const WRONG: readonly string[] = ['otp_invalid', 'interaction_invalid'];
/** What an ask shows of the events that asked, and of the one that said what was wrong. */
const TOLD = [
  ...['toolId', 'actionDescription', 'availableChannels', 'authLevel', 'channel'],
  ...['maskedDestination', 'interactionId', 'kind', 'spec', 'reason'],
];
const WRONGS = ['attemptsRemaining', 'error', 'errors', 'message'];

/**
 * Calls the handlers of a turn, one at a time, and sends what they give. The driver tells what
 * happens to questions while it carries out a step, and calls `run` when the step is over.
 */
export class Handling {
  readonly handlers: Handlers;
  /** Whether somebody iterates the turn for its items (REQ-ASK-10). */
  lookedAt = false;
  readonly #turn: TurnDriver;
  #stopped = false;
  #active: Run | undefined;
  /** Who is to be called, with what was wrong. */
  #queue: (readonly [QuestionKind, ServerEvent | undefined])[] = [];
  #refused: (readonly [QuestionKind, unknown])[] = [];
  /** How many answers to a question were wrong (REQ-ASK-14). */
  readonly #wrong = new Map<QuestionKind, number>();
  readonly #told = new Map<QuestionKind, Events>();
  /** Codes of which nothing said yet that they were sent. */
  readonly #unsent = new Set<QuestionKind>();
  /** Questions whose time unseen has not begun, and the timers of those whose time has. */
  readonly #unwatched = new Set<QuestionKind>();
  readonly #unseen = new Map<QuestionKind, Timer>();

  constructor(turn: TurnDriver, handlers: Handlers) {
    this.#turn = turn;
    this.handlers = handlers;
  }

  // What happens to questions

  /** Says whether an event asks what a handler answers (REQ-ASK-09). */
  handles(event: ServerEvent): boolean {
    const kind = ASKED_BY[event.type];
    return kind !== undefined && this.#handler(kind, event) !== undefined;
  }

  #handler(kind: QuestionKind, event: ServerEvent | undefined): Handler | undefined {
    const { confirm, otp, interaction = {} } = this.handlers;
    if (kind === 'confirmation') return confirm as Handler | undefined;
    if (kind === 'otp') return otp as Handler | undefined;
    const form = (event as { readonly kind?: string } | undefined)?.kind ?? '';
    return Object.hasOwn(interaction, form) ? (interaction[form] as Handler) : undefined;
  }

  #mine(kind: QuestionKind): Handler | undefined {
    const [event] = Object.values(this.#told.get(kind) ?? {});
    return this.#handler(kind, event);
  }

  /** Takes note of a question; not `fresh`: one of its kind was known already. */
  opened(kind: QuestionKind, event: ServerEvent, fresh: boolean): void {
    const isMore = event.type === MORE;
    const before = isMore && !fresh ? this.#told.get(kind) : {};
    this.#told.set(kind, { ...before, [event.type]: event });
    if (fresh || !isMore) this.#wrong.delete(kind);
    if (!isMore) this.ended(kind);
    else if (this.#isUnderWay(kind)) return;
    if (this.#stopped) return;
    const over = this.#turn.isOver;
    if (!this.#handler(kind, event)) {
      if (fresh && !over) this.#unwatched.add(kind);
    } else if (event.type === 'otp_verification_required' && !over) {
      this.#unsent.add(kind);
      this.#unwatched.add(kind);
    } else {
      this.#due(kind, undefined);
    }
  }

  /** Asks again when the answer was wrong (REQ-ASK-03). */
  reopened(kind: QuestionKind, event: ServerEvent | undefined): void {
    const isWrong = event !== undefined && WRONG.includes(event.type) && !this.#stopped;
    if (isWrong && !this.#isUnderWay(kind) && this.#mine(kind)) this.#due(kind, event);
  }

  /** Takes note that a question was answered or closed. */
  ended(kind: QuestionKind): void {
    this.#seen(kind);
    if (this.#queue.length > 0) this.#queue = this.#queue.filter(([queued]) => queued !== kind);
    if (this.#active?.kind === kind) this.#signal();
  }

  /** Lets no handler count any more: the turn is stopped (REQ-ASK-06). */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    for (const kind of KINDS) this.#seen(kind);
    this.#signal();
  }

  /** Asks now for a code that nothing said to be sent: the turn settles (REQ-ASK-02). */
  settling(): void {
    for (const kind of this.#unsent) this.#due(kind, undefined);
    for (const kind of KINDS) this.#seen(kind);
  }

  /** Takes note that an error refused what a handler gave. */
  refused(kind: QuestionKind, error: unknown): void {
    this.#refused.push([kind, error]);
  }

  /** Whether a code may still be given and looked at. */
  get expectsCode(): boolean {
    const lives = this.#turn.question('otp') !== 'none' && !this.#stopped;
    return lives && (this.#isUnderWay('otp') || this.#turn.waitsForCheck);
  }

  #isUnderWay(kind: QuestionKind): boolean {
    return this.#active?.kind === kind || this.#queue.some(([queued]) => queued === kind);
  }

  // A question that nobody looks at

  #lookLater(kind: QuestionKind): void {
    const { clock, logger } = this.#turn.sender.settings;
    const look = (): void => {
      this.#unseen.delete(kind);
      if (this.#unsent.has(kind)) {
        this.#due(kind, undefined);
        this.run();
      } else if (!this.lookedAt) {
        const text = 'a question (%s) of %s waits: it has no handler, and nobody iterates its turn';
        logger.warn(text, kind, this.#turn.requestId);
      }
    };
    this.#unseen.set(kind, startLimit(clock, LIMITS.questionUnseen, look));
  }

  #seen(kind: QuestionKind): void {
    this.#unsent.delete(kind);
    this.#unwatched.delete(kind);
    this.#unseen.get(kind)?.cancel();
    this.#unseen.delete(kind);
  }

  // Running

  #due(kind: QuestionKind, wrong: ServerEvent | undefined): void {
    this.#seen(kind);
    this.#queue.push([kind, wrong]);
  }

  /** After a step: fails what was refused, and calls who is next. */
  run(): void {
    for (const [kind, error] of this.#refused.splice(0)) {
      if (this.#turn.question(kind) === 'open') this.#fail(kind, error);
    }
    if (this.#turn.isCurrent) {
      for (const kind of this.#unwatched) this.#lookLater(kind);
      this.#unwatched.clear();
      while (!this.#active) {
        const [kind, wrong] = this.#queue.shift() ?? [];
        if (kind === undefined) break;
        const handler = this.#mine(kind);
        if (!handler || this.#turn.question(kind) !== 'open') continue;
        if (wrong && this.#isOnceTooOften(kind)) {
          this.#fail(kind, new Error(`refused ${LIMITS.refusedAnswers} times`));
        } else {
          this.#call(kind, handler, wrong);
        }
      }
    }
    this.#turn.releaseHeld();
  }

  #isOnceTooOften(kind: QuestionKind): boolean {
    const wrong = (this.#wrong.get(kind) ?? 0) + 1;
    this.#wrong.set(kind, wrong);
    return wrong >= LIMITS.refusedAnswers;
  }

  #call(kind: QuestionKind, handler: Handler, wrong: ServerEvent | undefined): void {
    const { clock, handlerTimeoutMs: limit } = this.#turn.sender.settings;
    const late = (): void => {
      if (!this.#isOver(run)) return;
      const text = `the handler took longer than ${limit} ms`;
      const error = new DOMException(text, 'TimeoutError');
      run.abort.abort(error);
      this.#fail(kind, error);
      this.run();
    };
    const timer = limit > 0 ? startLimit(clock, limit, late) : undefined;
    const run: Run = { kind, abort: new AbortController(), timer };
    this.#active = run;
    const ask = this.#askOf(kind, wrong, run.abort.signal);
    this.#turn.sender.beside(this.#follow(run, handler, ask));
  }

  async #follow(run: Run, handler: Handler, ask: object): Promise<void> {
    const { signal } = run.abort;
    try {
      await undefined; // never inside the frame that asked
      if (signal.aborted) return;
      const given = await handler(ask as never, signal);
      if (!this.#isOver(run)) return;
      const plan = this.#planOf(run.kind, given);
      if (plan) this.#turn.give(plan, true);
    } catch (error) {
      // What a handler throws because it was told to stop is no failure of it.
      if (this.#isOver(run) || !signal.aborted) this.#fail(run.kind, error);
      else if (error !== signal.reason && nameOf(error) !== 'AbortError') this.#log(error);
    }
    this.run();
  }

  #askOf(kind: QuestionKind, wrong: ServerEvent | undefined, signal: AbortSignal): object {
    const { requestId, sessionId } = this.#turn;
    const events = Object.values(this.#told.get(kind) ?? {});
    const event = events.at(-1);
    const facts: Record<string, unknown> = {};
    if (kind === 'otp') facts.availableChannels = [];
    if (kind === 'interaction') facts.errors = [];
    for (const one of events) copy(one, TOLD, facts);
    if (wrong) copy(wrong, WRONGS, facts);
    const { message, actionDescription, maskedDestination } = facts;
    if (kind === 'otp') facts.prompt = message || actionDescription || maskedDestination || '';
    return { requestId, sessionId, ...facts, signal, event };
  }

  /** What is sent for what a handler gave; undefined = nothing. */
  #planOf(kind: QuestionKind, given: unknown): VerbPlan<unknown> | undefined {
    if (kind === 'confirmation') return confirming(given as boolean);
    const declines = given === undefined || given === null;
    if (kind === 'interaction') return declines ? declining() : submitting(given as JsonObject);
    if (!declines) return verifying(given as string);
    // The question stays open for who has its code (REQ-OTP-05).
    return this.#turn.parks ? decliningOtp() : undefined;
  }

  /** Answers no, then fails the turn (REQ-ASK-07). */
  #fail(kind: QuestionKind, error: unknown): void {
    if (kind === 'confirmation') this.#turn.give(confirming(false), true);
    if (kind === 'interaction') this.#turn.give(declining(), true);
    if (!this.#turn.handlerFailed(kind, error)) this.#log(error);
  }

  #signal(): void {
    const run = this.#active;
    if (run && this.#isOver(run)) run.abort.abort();
  }

  /** Takes note that a call has ended; says whether what it gives counts. */
  #isOver(run: Run): boolean {
    if (this.#active !== run) return false;
    this.#active = undefined;
    run.timer?.cancel();
    return true;
  }

  /** Logs what nobody is told otherwise, by its type alone (REQ-ERR-04). */
  #log(error: unknown): void {
    const { requestId, sender } = this.#turn;
    sender.settings.logger.warn('a handler of %s failed: %s', requestId, nameOf(error));
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function copy(event: ServerEvent, names: readonly string[], to: Record<string, unknown>): void {
  for (const name of names) {
    const value = (event as unknown as Record<string, unknown>)[name];
    if (value !== undefined) to[name] = value;
  }
}
