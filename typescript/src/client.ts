import type { StateChange } from './connection-state';
import { type Conversation, ConversationHandle } from './conversation';
import { errorOfKind } from './errors';
import { linkError } from './errors-made';
import { checkHandlers, type Handlers, handlerWords, mergedHandlers } from './handlers';
import { type Recovery, recoveryOf } from './history-recovery';
import { type FrameInfo, Listeners } from './listeners';
import { Watch } from './observer';
import { type ClientOptions, type Settings, settingsOf } from './options';
import { impliedWords } from './options-supports';
import {
  type ConfirmResult,
  type OtpCheck,
  otpCheckOf,
  type SubmitResult,
  submitResultOf,
} from './questions';
import { Call, type CallPlan } from './requests';
import { Answer } from './requests-answer';
import { Router } from './router';
import { checkedAction, type Frame, Sender } from './sender';
import { type LinkCounters, Supervisor } from './supervisor';
import { ASYNC_DISPOSE, INSPECT, type Turn, TurnHandle, type WaitOptions } from './turn';
import { TurnDriver } from './turn-driver';
import type { Recover } from './turn-outcome';
import { fateOf, Inquiry } from './turn-inquiry';
import { TurnLine } from './turn-line';
import { answersTo } from './turn-verbs';
import {
  type ActionName,
  type ActionParams,
  type CallName,
  type CallOf,
  decodeResult,
  isCall,
  RESULTS,
  type Results,
  type ServerEvent,
} from './wire/index';
import { LIMITS } from './wire/options';
import { type ConnectionState, type Verb, VERBS } from './wire/steps';

/** Capability word of sessions whose turns outlive their link (REQ-RESUME-01). */
const REPLAY = 'replay';

/** What one listens to, and what each listener gets. */
export interface Topics {
  state: StateChange;
  /** Events that no turn and no call owns. */
  event: ServerEvent;
  /** Every frame, both ways (REQ-LOG-02). */
  frame: FrameInfo;
}

/** Parameters of a call: the action without its name and id, which the client draws. */
export type CallParams<A extends ActionName> = Omit<ActionParams<A>, 'requestId'>;

/** Parameters of `resumeConversation`. */
export type ResumeParams =
  | { readonly sessionId: string }
  | (CallParams<'create_conversation_session'> & { readonly conversationId: string });

/** What starts or goes on with a conversation, or says something, beside its parameters. */
export interface HandlerOptions extends WaitOptions {
  /** They come before those of the conversation, and those before the client's (REQ-ASK-01). */
  readonly handlers?: Handlers | undefined;
}

type Opened = Results['create_conversation_session'] | Results['get_session'];

/** What a client has counted since it was made (REQ-LOG-03). */
export interface ClientCounters extends LinkCounters {
  /** Turns that have not settled. */
  readonly openTurns: number;
}

/** What `ping` found (REQ-CALL-06). */
export interface Pong {
  /** The server's time, epoch milliseconds; missing when it did not say. */
  readonly serverTime?: number;
  /** Milliseconds from the call to the answer. */
  readonly roundTripMs: number;
}

/** A client of one server: its link, the protocol's actions, conversations. */
export class SmoothAgentClient implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #listeners: Listeners;
  readonly #router: Router;
  readonly #supervisor: Supervisor;
  readonly #sender: Sender;
  readonly #line: TurnLine;
  /** Capability words that every session lists. */
  readonly #implied: readonly string[];
  /** Capability words of the server, by session. */
  readonly #capabilities = new Map<string, readonly string[]>();

  /**
   * Makes a client; does no I/O and starts no timer (REQ-CONN-01).
   *
   * @throws {TypeError} an option has the wrong type, or the URL is not `ws:` or `wss:`.
   * @throws {RangeError} a time is negative, or a limit is below 1.
   */
  constructor(options: ClientOptions) {
    this.#settings = settingsOf(options);
    this.#line = new TurnLine(this.#settings);
    this.#implied = impliedWords(this.#settings);
    this.#listeners = new Listeners(this.#settings.logger);
    this.#router = new Router(this.#settings, this.#listeners);
    const watch = new Watch(this.#settings.observer, this.#listeners);
    this.#supervisor = new Supervisor(this.#settings, this.#listeners, this.#router, watch);
    this.#sender = new Sender(this.#settings, this.#router, this.#supervisor, watch);
  }

  /** State of the link. */
  get state(): ConnectionState {
    return this.#supervisor.state;
  }

  /**
   * Opens the link with one attempt, or with `retryInitialConnect` as many as it takes; joins the
   * one that runs, does nothing while open (REQ-CONN-03). While a lost link is sought it ends the
   * wait and waits for that one attempt; the seeking goes on (REQ-CONN-35). The signal ends the
   * wait alone.
   *
   * @throws {ConnectFailedError | AuthenticationError} the attempt failed.
   * @throws {ReconnectExhaustedError} `maxReconnectAttempts` failed in a row.
   */
  connect({ signal }: WaitOptions = {}): Answer<void> {
    return Answer.during(this.#settings.logger, 'connect', signal, () =>
      this.#supervisor.connect(),
    );
  }

  /** Closes the link and settles everything in flight; never rejects (REQ-CONN-05). */
  close(): Promise<void> {
    return this.#supervisor.close();
  }

  /**
   * Says that the machine slept, where the platform does not: an open link is asked whether it
   * lives, the wait for another one ends (REQ-CONN-35, REQ-CONN-39). Browsers say it themselves.
   */
  wake(): void {
    this.#supervisor.wake();
  }

  /** What this client has counted so far (REQ-LOG-03). */
  get counters(): ClientCounters {
    let openTurns = 0;
    for (const owner of this.#router.owners) {
      if (owner instanceof TurnDriver && !owner.settled) openTurns += 1;
    }
    return { ...this.#supervisor.counters, openTurns };
  }

  /** What may be shown of a client: its server and the state of its link. */
  toJSON(): { host: string; state: ConnectionState } {
    return { host: this.#settings.host, state: this.state };
  }

  [INSPECT](): unknown {
    return this.toJSON();
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  /**
   * Calls `listener` with everything of a topic, in order, never inside the frame of a caller
   * (REQ-CONN-07); returns a function that stops it. `text: true` shows a frame's text to the tap.
   */
  on<T extends keyof Topics>(
    topic: T,
    listener: (payload: Topics[T]) => unknown,
    { text = false }: { readonly text?: boolean } = {},
  ): () => void {
    return this.#listeners.add(topic, listener, text);
  }

  /** Calls `listener` no more. */
  off<T extends keyof Topics>(topic: T, listener: (payload: Topics[T]) => unknown): void {
    this.#listeners.remove(topic, listener);
  }

  // Conversations

  /** Opens a session on a new conversation with an agent. */
  startConversation(
    params: CallParams<'create_conversation_session'>,
    { handlers, signal }: HandlerOptions = {},
  ): Answer<Conversation> {
    const begin = async (): Promise<Conversation> => {
      const words = handlerWords(checkHandlers(handlers));
      const { supports = [] } = params;
      const listed = words.length > 0 ? { ...params, supports: [...supports, ...words] } : params;
      const session = await this.createConversationSession(listed, { signal });
      return this.#conversation(session, handlers);
    };
    return Answer.of(this.#settings.logger, 'startConversation', begin());
  }

  /**
   * Goes on with a conversation (`conversationId`, `agentId`), or with a session that is still
   * known (`sessionId` alone) (REQ-CALL-08). A server that does not know the conversation starts a
   * fresh one: compare `conversationId`.
   */
  resumeConversation(params: ResumeParams, options: HandlerOptions = {}): Answer<Conversation> {
    if ('conversationId' in params && 'agentId' in params && !('sessionId' in params)) {
      return this.startConversation(params, options);
    }
    if (Object.keys(params).some((key) => key !== 'sessionId')) {
      const misuse = new TypeError('give sessionId alone, or conversationId and agentId');
      return Answer.failed(this.#settings.logger, 'resumeConversation', misuse);
    }
    const find = async (): Promise<Conversation> => {
      const { handlers, signal } = options;
      checkHandlers(handlers);
      const session = await this.getSession(params as { sessionId: string }, { signal });
      return this.#conversation(session, handlers);
    };
    return Answer.of(this.#settings.logger, 'resumeConversation', find());
  }

  // Calls

  /**
   * Sends any action that one event answers; resolves to that answer in its own type. An action
   * that is new in the specification can be called as soon as the wire room is generated. Its
   * `requestId` is used when it has one, else an id is drawn (REQ-CALL-01). The methods below are
   * this one by name. The signal ends the wait alone (REQ-CALL-09).
   *
   * The answer fails with `TypeError` when the action opens or answers a turn, is malformed, or
   * its id is in flight already, and nothing was sent; else as REQ-CALL-02 and REQ-CALL-03 say.
   */
  call<A extends CallName>(action: CallOf<A>, { signal }: WaitOptions = {}): Answer<Results[A]> {
    const name = action?.action;
    try {
      throwIfAborted(signal);
      if (!isCall(name)) throw new TypeError(`${name} is no call: use the method of that name`);
      // Checked before an id is drawn: a refused call leaves no trace.
      const made = checkedAction(name, this.#supported(action));
      const requestId = this.#sender.claim(made.requestId);
      const read = (event: ServerEvent): Results[A] => {
        const value = decodeResult(name, event);
        if (name === 'create_conversation_session' || name === 'get_session') {
          this.#remember(value as Opened);
        }
        return value;
      };
      const outgoing = this.#sender.frame(made, requestId);
      return this.#start({ outgoing, answers: [RESULTS[name].event], read, signal });
    } catch (error) {
      return Answer.failed(this.#settings.logger, String(name), error);
    }
  }

  /** Opens a session; resolves to its descriptor. */
  createConversationSession(
    params: CallParams<'create_conversation_session'>,
    options: WaitOptions = {},
  ): Answer<Results['create_conversation_session']> {
    return this.call({ ...params, action: 'create_conversation_session' }, options);
  }

  /** Resolves to a session. @throws {SessionNotFoundError} it is unknown. */
  getSession(
    params: CallParams<'get_session'>,
    options: WaitOptions = {},
  ): Answer<Results['get_session']> {
    return this.call({ ...params, action: 'get_session' }, options);
  }

  /** Resolves to one page of messages, newest first. */
  getConversationMessages(
    params: CallParams<'get_conversation_messages'>,
    options: WaitOptions = {},
  ): Answer<Results['get_conversation_messages']> {
    return this.call({ ...params, action: 'get_conversation_messages' }, options);
  }

  /** Resolves to one page of the caller's conversations, newest first. */
  listConversations(
    params: CallParams<'list_conversations'> = {},
    options: WaitOptions = {},
  ): Answer<Results['list_conversations']> {
    return this.call({ ...params, action: 'list_conversations' }, options);
  }

  /** Gives a conversation a title; resolves to it as it was stored. */
  renameConversation(
    params: CallParams<'rename_conversation'>,
    options: WaitOptions = {},
  ): Answer<Results['rename_conversation']> {
    return this.call({ ...params, action: 'rename_conversation' }, options);
  }

  /** Asks for a sign of life; resolves to the server's time and the round trip (REQ-CALL-06). */
  ping(options: WaitOptions = {}): Answer<Pong> {
    const { clock, logger } = this.#settings;
    const started = clock.now();
    const made = this.call({ action: 'ping' }, options).then(({ timestamp }) => ({
      ...(timestamp === undefined ? {} : { serverTime: timestamp }),
      roundTripMs: clock.now() - started,
    }));
    return Answer.of(logger, 'ping', made);
  }

  // Turns and verbs

  /**
   * Says something; returns the turn at once, its frame queued (REQ-TURN-01). With a signal that
   * has aborted nothing is sent.
   *
   * @throws {TypeError} an argument is wrong; nothing was sent. Everything else settles the turn.
   */
  sendMessage(
    params: ActionParams<'send_message'>,
    { signal, handlers }: HandlerOptions = {},
  ): Turn {
    // Checked before an id is drawn: a refused message leaves no trace.
    checkHandlers(handlers);
    const action = checkedAction('send_message', params);
    const requestId = signal?.aborted ? '' : this.#sender.claim(params.requestId);
    const outgoing = this.#sender.frame(action, requestId);
    const { requestId: _, ...message } = action;
    const again = (id: string): Frame => this.#sender.frame(message, id);
    const driver = this.#driver(outgoing, params.sessionId, handlers, again);
    if (signal?.aborted) {
      driver.stop();
    } else {
      this.#line.enter(driver);
    }
    return this.#handle(driver, signal);
  }

  /** Returns the turn of an id that is live here, also one that began with a lone answer. */
  turn(requestId: string): Turn | undefined {
    return this.#liveTurn(requestId);
  }

  /**
   * Answers a confirmation by ids, as `Turn.confirm` (REQ-VERB-11). When no turn of that id is live
   * here and the server goes on with it, the result hands it out (REQ-VERB-15).
   */
  confirmToolAction(
    params: ActionParams<'confirm_tool_action'>,
    options: WaitOptions = {},
  ): Answer<ConfirmResult> {
    return this.#verb('confirm_tool_action', params, options, {
      verb: 'confirm',
      live: async (turn) => {
        await turn.confirm(params.approved, options);
        return {};
      },
      read: () => ({}),
      begun: (turn) => ({ turn }),
    });
  }

  /** Gives or declines a one-time code by ids, as `Turn.verifyOtp` (REQ-VERB-11). */
  verifyOtp(
    params: ActionParams<'verify_otp'>,
    options: WaitOptions = {},
  ): Answer<OtpCheck | undefined> {
    const { code, declined } = params;
    if ((code === undefined) === (declined !== true)) {
      const misuse = new TypeError('verify_otp: give either code or declined: true');
      return Answer.failed(this.#settings.logger, 'verify_otp', misuse);
    }
    return this.#verb('verify_otp', params, options, {
      verb: declined ? 'decline_otp' : 'verify_otp',
      live: (turn) =>
        code === undefined ? turn.decline('otp', options) : turn.verifyOtp(code, options),
      read: otpCheckOf,
    });
  }

  /**
   * Answers or declines an interaction by ids, as `Turn.submit` (REQ-VERB-11); with a turn in its
   * result as `confirmToolAction`.
   */
  submitInteraction(
    params: ActionParams<'submit_interaction'>,
    options: WaitOptions = {},
  ): Answer<SubmitResult> {
    const { declined, values } = params;
    if ((values === undefined) === (declined !== true)) {
      const misuse = new TypeError('submit_interaction: give either values or declined: true');
      return Answer.failed(this.#settings.logger, 'submit_interaction', misuse);
    }
    return this.#verb('submit_interaction', params, options, {
      verb: declined ? 'decline' : 'submit',
      live: (turn) =>
        values === undefined ? turn.decline('interaction', options) : turn.submit(values, options),
      read: submitResultOf,
      begun: (turn) => ({ accepted: true, turn }),
    });
  }

  /** Stops the turn of that id; without a live one only the frame is sent (REQ-VERB-13). */
  cancel(params: ActionParams<'cancel'> & { readonly requestId: string }): Answer<void> {
    const { logger, host } = this.#settings;
    const { requestId, sessionId } = params;
    const turn = this.#liveTurn(requestId);
    if (turn) return turn.cancel();
    const cancelled = async (): Promise<void> => {
      const action = checkedAction('cancel', params);
      const refusal = this.#sender.submit(this.#sender.frame(action, requestId));
      if (refusal) throw linkError(refusal, undefined, { requestId, sessionId, host });
    };
    return Answer.of(logger, 'cancel', cancelled());
  }

  // Wiring

  readonly #recover: Recover = (turn, lastSeq, options = {}) => {
    const { sessionId } = turn;
    const find = async (): Promise<Recovery> => {
      if (this.#replays(sessionId)) {
        const fate = await fateOf(turn, lastSeq, this.#sender, options.signal);
        if (fate !== 'over') return { status: fate === 'never' ? 'not_delivered' : fate };
      }
      const tells = this.#capabilitiesOf(sessionId).includes('spec_1_2');
      return recoveryOf(turn.requestId, tells, (cursor) =>
        this.getConversationMessages(
          { sessionId, ...(cursor === undefined ? {} : { cursor }) },
          options,
        ),
      );
    };
    return Answer.of(this.#settings.logger, 'recover', find());
  };

  /** The members of a call; one that opens a session says all that is supported (REQ-CALL-07). */
  #supported<A extends CallName>({ action, ...params }: CallOf<A>): ActionParams<A> {
    const own = params as unknown as ActionParams<A> & { readonly supports?: unknown };
    const { supports = [] } = own;
    // What is no list is left to the check of the action.
    if (action !== 'create_conversation_session' || !Array.isArray(supports)) return own;
    const words = new Set([...this.#implied, ...this.#settings.supports, ...supports]);
    for (const word of handlerWords(this.#settings.handlers)) words.add(word);
    return { ...own, supports: [...words].sort(byCodePoint) };
  }

  /** Answers by ids: through the live turn, else with a call of its own. */
  #verb<A extends 'confirm_tool_action' | 'verify_otp' | 'submit_interaction', T>(
    name: A,
    params: ActionParams<A>,
    { signal }: WaitOptions,
    plan: LoneVerb<T>,
  ): Answer<T> {
    const { logger, host } = this.#settings;
    try {
      throwIfAborted(signal);
      const action = checkedAction(name, params);
      const { requestId, sessionId } = params;
      const turn = this.#liveTurn(requestId);
      if (turn) return Answer.of(logger, name, Promise.resolve(plan.live(turn)));
      const { needs } = VERBS[plan.verb];
      if (needs !== null && !this.#capabilitiesOf(sessionId).includes(needs)) {
        throw errorOfKind('unsupported', { requestId, sessionId, host });
      }
      const outgoing = this.#sender.frame(action, this.#sender.claim(requestId));
      const { begun } = plan;
      return this.#start({
        outgoing,
        answers: answersTo(plan.verb),
        shared: true,
        read: plan.read,
        begun: begun && ((event) => begun(this.#begin(outgoing, sessionId, event))),
        signal,
      });
    } catch (error) {
      return Answer.failed(logger, name, error);
    }
  }

  /** Makes a turn of an answer that the server went on with (REQ-VERB-15). */
  #begin(outgoing: Frame, sessionId: string, event: ServerEvent): Turn {
    const driver = this.#driver(outgoing, sessionId);
    this.#line.join(driver);
    driver.follow();
    driver.received(event, 0);
    return this.#handle(driver, undefined);
  }

  /** Returns the turn that a conversation runs (REQ-RESUME-11). */
  #openTurn(
    sessionId: string,
    requestId: string | undefined,
    handlers: Handlers | undefined,
  ): Turn | undefined {
    if (requestId === undefined || !this.#replays(sessionId)) return undefined;
    const owner = this.#router.owner(requestId);
    if (owner instanceof TurnDriver && !owner.settled) return this.#handle(owner, undefined);
    // Its message is another client's: the frame stands for it.
    const sent = { action: 'send_message', sessionId };
    const driver = this.#driver(this.#sender.frame(sent, requestId), sessionId, handlers);
    // A recover() that asks for it looks again who has its id.
    if (owner instanceof Inquiry) owner.end();
    driver.takeUp();
    return this.#handle(driver, undefined);
  }

  #driver(
    outgoing: Frame,
    sessionId: string,
    own: Handlers = {},
    again?: (requestId: string) => Frame,
  ): TurnDriver {
    const needs = VERBS.decline_otp.needs ?? '';
    return new TurnDriver(this.#sender, {
      outgoing,
      sessionId,
      replays: this.#replays(sessionId),
      parks: this.#capabilitiesOf(sessionId).includes(needs),
      line: this.#line,
      handlers: mergedHandlers(this.#settings.handlers, own),
      again,
      recover: this.#recover,
    });
  }

  #start<T>(plan: CallPlan<T>): Answer<T> {
    return new Call(this.#sender, plan).start();
  }

  #liveTurn(requestId: string): Turn | undefined {
    const owner = this.#router.owner(requestId);
    if (!(owner instanceof TurnDriver) || !owner.live) return undefined;
    return this.#handle(owner, undefined);
  }

  #handle(driver: TurnDriver, signal: WaitOptions['signal']): Turn {
    return new TurnHandle(driver, this.#capabilitiesOf(driver.sessionId), signal);
  }

  #capabilitiesOf(sessionId: string): readonly string[] {
    return this.#capabilities.get(sessionId) ?? [];
  }

  /** Whether a session is a replay session (REQ-RESUME-01). */
  #replays(sessionId: string): boolean {
    return this.#implied.includes(REPLAY) && this.#capabilitiesOf(sessionId).includes(REPLAY);
  }

  /** Keeps what the server listed; an answer that lists nothing changes nothing. */
  #remember({ sessionId, capabilities = this.#capabilitiesOf(sessionId) }: Opened): void {
    this.#sender.sessionKnown();
    this.#capabilities.delete(sessionId);
    this.#capabilities.set(sessionId, capabilities);
    if (this.#capabilities.size > LIMITS.settledIds) {
      const [oldest] = this.#capabilities.keys();
      if (oldest !== undefined) this.#capabilities.delete(oldest);
    }
  }

  #conversation(
    { sessionId, conversationId, agentName, openTurn }: Opened,
    handlers: Handlers = {},
  ): Conversation {
    const capabilities = this.#capabilitiesOf(sessionId);
    const facts = { sessionId, conversationId, agentName, capabilities };
    const running = (): Turn | undefined =>
      this.#openTurn(sessionId, openTurn?.requestId, handlers);
    return new ConversationHandle(this, facts, handlers, running);
  }
}

/** One answer by ids. */
interface LoneVerb<T> {
  readonly verb: Verb;
  /** Through the turn, when it is live here. */
  readonly live: (turn: Turn) => PromiseLike<T>;
  readonly read: (event: ServerEvent) => T;
  readonly begun?: (turn: Turn) => T;
}

function throwIfAborted(signal: WaitOptions['signal']): void {
  if (signal?.aborted) throw signal.reason;
}

/** Orders words as all clients do; `sort` alone would go by UTF-16 units. */
function byCodePoint(left: string, right: string): number {
  const others = [...right];
  for (const [at, own] of [...left].entries()) {
    const other = others[at];
    if (other === undefined) return 1;
    if (own !== other) return (own.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
  }
  return left.length - right.length;
}
