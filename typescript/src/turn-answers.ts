import { startLimit, type Timer } from './clock';
import { errorOfLeaf, type ErrorFacts, type SmoothAgentError } from './errors';
import { endError, linkError, type LinkFacts, serverError } from './errors-made';
import { SILENT } from './options';
import type { Question } from './questions';
import { Answer, type Deferred } from './requests-answer';
import { checkedAction, type Frame, type Sender } from './sender';
import type { TurnState, Verb } from './turn-state';
import { echoed, type VerbPlan } from './turn-verbs';
import type {
  ActionName,
  ActionParams,
  ErrorEvent,
  ErrorKind,
  JsonObject,
  ServerEvent,
} from './wire/index';
import { type Ending, type Refusal, type StepEvent, VERBS } from './wire/steps';

/** A verb that waits, with the promise that its caller holds. */
export interface Waiting extends Verb {
  readonly deferred: Deferred<unknown>;
  readonly read: (event: ServerEvent) => unknown;
  /** Its frame; a `cancel` has none of its own. */
  readonly frame?: Frame;
  /** Whether its frame may be lost (REQ-RESUME-07). */
  unsure?: boolean;
  /** Whether a handler gave it: nobody waits for what becomes of it. */
  readonly byHandler?: boolean;
  timer?: Timer | undefined;
}

/** The verbs of one turn that wait for what the server makes of them, each with its limit. */
export class TurnAnswers {
  readonly #sender: Sender;
  readonly #state: TurnState<Waiting>;
  readonly #ids: { readonly requestId: string; readonly sessionId: string };
  readonly #over: () => void;

  /** `state` has the list of verbs; `over` hears that a limit took one from it. */
  constructor(
    sender: Sender,
    state: TurnState<Waiting>,
    ids: { readonly requestId: string; readonly sessionId: string },
    over: () => void,
  ) {
    this.#sender = sender;
    this.#state = state;
    this.#ids = ids;
    this.#over = over;
  }

  /** Begins the facts of an error of the turn. */
  facts(): ErrorFacts {
    const { requestId, sessionId } = this.#ids;
    return { requestId, sessionId, host: this.#sender.settings.host };
  }

  /** Returns an action of the turn as it is sent. @throws {TypeError} a member is not allowed. */
  frame(name: ActionName, members: JsonObject): Frame {
    const { requestId, sessionId } = this.#ids;
    const params = { requestId, sessionId, ...members } as ActionParams<ActionName>;
    return this.#sender.frame(checkedAction(name, params), requestId);
  }

  /**
   * Returns the verb that answers a question, of which nothing is known here yet.
   *
   * @throws {TypeError} a member is not allowed (REQ-CALL-12).
   * @throws {MessageTooLargeError} over 1 MiB (REQ-CALL-10).
   */
  made(
    { name, members, read }: VerbPlan<unknown>,
    asked: Question | undefined,
    byHandler: boolean,
  ): Waiting {
    const copied = echoed(name, asked);
    const frame = this.frame(VERBS[name].action as ActionName, { ...copied, ...members });
    this.#sender.check(frame);
    const named = Object.keys(copied).some((member) => member.endsWith('Id'));
    return { ...this.#pending(name, read, byHandler), frame, named, byHandler };
  }

  /** Returns the verb that waits for the end of the turn. */
  cancel(): Waiting {
    return this.#pending('cancel', () => {});
  }

  #pending(name: Verb['name'], read: Waiting['read'], byHandler = false): Waiting {
    const logger = byHandler ? SILENT : this.#sender.settings.logger;
    const deferred = Answer.pending<unknown>(logger, name);
    return { name, named: false, deferred, read };
  }

  /** Fails a verb that is not sent (REQ-VERB-05). */
  refuse(verb: Waiting, refusal: Refusal): void {
    const leaf = refusal === 'already_answered' ? 'AlreadyAnswered' : 'NoPendingQuestion';
    verb.deferred.reject(errorOfLeaf(leaf, this.facts()));
  }

  /** Writes a verb for the first time, and starts its limit. */
  write(verb: Waiting): void {
    this.#time(verb);
    this.#put(verb);
  }

  /** Writes the frame of a verb once more (REQ-RESUME-07). */
  repeat(verb: Waiting): void {
    verb.unsure = false;
    this.#put(verb);
  }

  /** Lets all limits stand still: the turn is suspended (REQ-RESUME-09). */
  pause(): void {
    for (const { timer } of this.#state.verbs) timer?.cancel();
  }

  /** Starts all limits anew, and writes what was called meanwhile (REQ-RESUME-08). */
  goOn(held: readonly Waiting[]): void {
    const { verbs } = this.#state;
    for (const verb of verbs) this.#time(verb);
    for (const verb of held) if (verbs.includes(verb)) this.#put(verb);
  }

  #put(verb: Waiting): void {
    if (verb.frame) this.#sender.put(verb.frame.again());
  }

  #time(verb: Waiting): void {
    const { clock, requestTimeoutMs } = this.#sender.settings;
    if (requestTimeoutMs === 0 || !verb.frame) return;
    verb.timer?.cancel();
    verb.timer = startLimit(clock, requestTimeoutMs, () => {
      this.#reject(verb, linkError('request_timeout', undefined, this.facts()));
      this.#over();
    });
  }

  // The end

  /** Gives a verb the value of the event that answers it. */
  resolve(verb: Waiting, event: ServerEvent): void {
    this.#done(verb);
    verb.deferred.resolve(verb.read(event));
  }

  /** Fails a verb with the event that refuses it, or because nobody knows what became of it. */
  fail(verb: Waiting, ending: Ending | undefined, event: ServerEvent | undefined): Error {
    const facts = this.facts();
    const error = ending
      ? endError(ending as ErrorKind, this.#sender.ending, facts)
      : serverError(event as ErrorEvent, facts);
    this.#reject(verb, error);
    return error;
  }

  /** Fails the verbs that outlived their turn, but not the link (REQ-VERB-06). */
  linkGone(word: StepEvent, link: LinkFacts): void {
    for (const verb of this.#state.verbs) {
      const kind = VERB_KINDS[word] ?? 'connection_lost';
      this.#reject(verb, link.error ?? linkError(kind, link, this.facts()));
    }
  }

  /** Fails all that wait: their message is sent again under another id (REQ-ASK-11). */
  drop(): void {
    for (const verb of this.#state.verbs) {
      this.#reject(verb, errorOfLeaf('NoPendingQuestion', this.facts()));
    }
  }

  /**
   * Ends the verbs that wait; a code may be judged after the end of its turn (REQ-VERB-06), but not
   * where that was suspended (REQ-RESUME-08).
   */
  settle(error: SmoothAgentError | undefined, suspended: boolean): void {
    for (const verb of this.#state.verbs) {
      if (VERBS[verb.name].outlivesTurn && !suspended) continue;
      this.#done(verb);
      if (verb.name === 'cancel') verb.deferred.resolve(undefined);
      else verb.deferred.reject(error ?? errorOfLeaf('NoPendingQuestion', this.facts()));
    }
  }

  #reject(verb: Waiting, error: unknown): void {
    this.#done(verb);
    verb.deferred.reject(error);
  }

  #done(verb: Waiting): void {
    this.#state.take(verb);
    verb.timer?.cancel();
  }
}

/** What a verb fails with, by what happened to the link. */
const VERB_KINDS: { readonly [W in StepEvent]?: ErrorKind } = {
  close: 'client_closed',
  too_large: 'message_too_large',
};
