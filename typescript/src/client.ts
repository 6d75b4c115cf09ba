import { Connection, Outgoing } from './connection';
import type { StateChange } from './connection-state';
import { Conversation } from './conversation';
import { errorOfKind } from './errors';
import { type FrameInfo, Listeners } from './listeners';
import { type ClientOptions, type Settings, settingsOf } from './options';
import { type OtpCheck, otpCheckOf, type SubmitResult, submitResultOf } from './questions';
import { Call, linkError, Requests } from './requests';
import { Answer } from './requests.answer';
import { ASYNC_DISPOSE, INSPECT, Turn, type WaitOptions } from './turn';
import { TurnDriver } from './turn.driver';
import {
  type ActionName,
  type ActionParams,
  type CallName,
  type CallOf,
  type ConnectionState,
  decodeResult,
  encodeAction,
  isCall,
  makeAction,
  RESULTS,
  type Results,
  type ServerEvent,
} from './wire/index';
import { ANSWERS, type Verb } from './wire/machine';

const CAPABILITIES = ['otp_park', 'spec_1_1']; // REQ-CALL-07
const SESSIONS_REMEMBERED = 1024;

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

type Opened = Results['create_conversation_session'];

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
  readonly #requests: Requests;
  readonly #connection: Connection;
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
    this.#listeners = new Listeners(this.#settings.logger);
    this.#requests = new Requests(this.#settings, this.#listeners);
    this.#connection = new Connection(this.#settings, this.#listeners, this.#requests);
    this.#requests.use(this.#connection);
  }

  /** State of the link. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /**
   * Opens the link with one attempt; joins the one that runs, does nothing while open
   * (REQ-CONN-03). The signal ends the wait alone.
   *
   * @throws {ConnectFailedError | AuthenticationError} the attempt failed.
   */
  connect({ signal }: WaitOptions = {}): Answer<void> {
    return Answer.during(this.#settings.logger, 'connect', signal, () =>
      this.#connection.connect(),
    );
  }

  /** Closes the link and settles everything in flight; never rejects (REQ-CONN-05). */
  close(): Promise<void> {
    return this.#connection.close();
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
    options: WaitOptions = {},
  ): Answer<Conversation> {
    const created = this.createConversationSession(params, options);
    const made = created.then((session) => this.#conversation(session));
    return Answer.of(this.#settings.logger, 'startConversation', made);
  }

  /**
   * Goes on with a conversation (`conversationId`, `agentId`), or with a session that is still
   * known (`sessionId` alone) (REQ-CALL-08). A server that does not know the conversation starts a
   * fresh one: compare `conversationId`.
   */
  resumeConversation(params: ResumeParams, options: WaitOptions = {}): Answer<Conversation> {
    if ('conversationId' in params && 'agentId' in params && !('sessionId' in params)) {
      return this.startConversation(params, options);
    }
    if (Object.keys(params).some((key) => key !== 'sessionId')) {
      const misuse = new TypeError('give sessionId alone, or conversationId and agentId');
      return Answer.failed(this.#settings.logger, 'resumeConversation', misuse);
    }
    const found = this.getSession(params as { sessionId: string }, options);
    const made = found.then((session) => this.#conversation(session));
    return Answer.of(this.#settings.logger, 'resumeConversation', made);
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
      const made = makeAction(name, this.#supported(action));
      const requestId = this.#requests.claim(made.requestId);
      const read = (event: ServerEvent): Results[A] => {
        const value = decodeResult(name, event);
        if (name === 'create_conversation_session') this.#remember(value as Opened);
        return value;
      };
      return this.#start(made, requestId, { answers: [RESULTS[name].event], read, signal });
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
  sendMessage(params: ActionParams<'send_message'>, { signal }: WaitOptions = {}): Turn {
    // Checked before an id is drawn: a refused message leaves no trace.
    const action = makeAction('send_message', params);
    const requestId = signal?.aborted ? '' : this.#requests.claim(params.requestId);
    const outgoing = outgoingOf(action, requestId);
    const driver = new TurnDriver(this.#requests, outgoing, params.sessionId);
    if (signal?.aborted) {
      driver.stop();
    } else {
      this.#requests.nextSend(params.sessionId);
      driver.start();
    }
    return new Turn(driver, this.#parksOtp(params.sessionId), signal);
  }

  /** Answers a confirmation by ids, as `Turn.confirm` (REQ-VERB-08). */
  confirmToolAction(
    params: ActionParams<'confirm_tool_action'>,
    options: WaitOptions = {},
  ): Answer<void> {
    const turn = this.#liveTurn(params.requestId, params.sessionId);
    if (turn) return turn.confirm(params.approved, options);
    return this.#plainVerb('confirm_tool_action', 'confirm', params, options, () => undefined);
  }

  /** Gives or declines a one-time code by ids, as `Turn.verifyOtp` (REQ-VERB-08). */
  verifyOtp(
    params: ActionParams<'verify_otp'>,
    options: WaitOptions = {},
  ): Answer<OtpCheck | undefined> {
    const { code, declined, requestId, sessionId } = params;
    const { logger } = this.#settings;
    if ((code === undefined) === (declined !== true)) {
      const misuse = new TypeError('verify_otp: give either code or declined: true');
      return Answer.failed(logger, 'verify_otp', misuse);
    }
    const turn = this.#liveTurn(requestId, sessionId);
    if (turn) {
      return code === undefined ? turn.decline('otp', options) : turn.verifyOtp(code, options);
    }
    if (declined && !this.#parksOtp(sessionId)) {
      const { host } = this.#settings;
      const error = errorOfKind('unsupported', { requestId, sessionId, host });
      return Answer.failed(logger, 'verify_otp', error);
    }
    const verb = declined ? 'decline_otp' : 'verify_otp';
    return this.#plainVerb('verify_otp', verb, params, options, otpCheckOf);
  }

  /** Answers or declines an interaction by ids, as `Turn.submit` (REQ-VERB-08). */
  submitInteraction(
    params: ActionParams<'submit_interaction'>,
    options: WaitOptions = {},
  ): Answer<SubmitResult> {
    const { declined, requestId, sessionId, values = {} } = params;
    const turn = this.#liveTurn(requestId, sessionId);
    if (turn) {
      return declined ? turn.decline('interaction', options) : turn.submit(values, options);
    }
    return this.#plainVerb('submit_interaction', 'submit', params, options, submitResultOf);
  }

  /** Stops the turn of that id; without a live one only the frame is sent (REQ-VERB-08). */
  cancel(params: ActionParams<'cancel'> & { readonly requestId: string }): Answer<void> {
    const { requestId, sessionId = '' } = params;
    const { logger } = this.#settings;
    const turn = this.#liveTurn(requestId, sessionId);
    if (turn) return turn.cancel();
    const cancelled = async (): Promise<void> => {
      const outgoing = new Outgoing(
        'cancel',
        requestId,
        encodeAction(makeAction('cancel', params)),
      );
      if (this.#requests.submit(outgoing)) return;
      throw linkError('not_connected', undefined, {
        requestId,
        sessionId: params.sessionId,
        host: this.#settings.host,
      });
    };
    return Answer.of(logger, 'cancel', cancelled());
  }

  // Wiring

  /** The members of a call; one that opens a session says all that is supported (REQ-CALL-07). */
  #supported<A extends CallName>({ action, ...params }: CallOf<A>): ActionParams<A> {
    const own = params as unknown as ActionParams<A> & { readonly supports?: unknown };
    const { supports = [] } = own;
    // What is no list is left to the check of the action.
    if (action !== 'create_conversation_session' || !Array.isArray(supports)) return own;
    const words = new Set([...CAPABILITIES, ...this.#settings.supports, ...supports]);
    return { ...own, supports: [...words].sort(byCodePoint) };
  }

  #plainVerb<A extends 'confirm_tool_action' | 'verify_otp' | 'submit_interaction', T>(
    name: A,
    verb: Verb,
    params: ActionParams<A>,
    { signal }: WaitOptions,
    read: (event: ServerEvent) => T,
  ): Answer<T> {
    try {
      throwIfAborted(signal);
      const action = makeAction(name, params);
      const requestId = this.#requests.claim(params.requestId);
      const answers = ANSWERS.filter((row) => row.verbs.includes(verb)).map((row) => row.on);
      return this.#start(action, requestId, { answers, shared: true, read, signal });
    } catch (error) {
      return Answer.failed(this.#settings.logger, name, error);
    }
  }

  #start<T>(
    action: { readonly action: string },
    requestId: string,
    plan: Omit<ConstructorParameters<typeof Call<T>>[1], 'outgoing'>,
  ): Answer<T> {
    const outgoing = outgoingOf(action, requestId);
    return new Call(this.#requests, { ...plan, outgoing }).start();
  }

  #liveTurn(requestId: string, sessionId: string): Turn | undefined {
    const owner = this.#requests.owner(requestId);
    if (!(owner instanceof TurnDriver) || !owner.live) return undefined;
    return new Turn(owner, this.#parksOtp(owner.sessionId || sessionId), undefined);
  }

  #parksOtp(sessionId: string): boolean {
    return this.#capabilities.get(sessionId)?.includes('otp_park') ?? false;
  }

  #remember({ sessionId, capabilities = [] }: Opened): void {
    this.#capabilities.delete(sessionId);
    this.#capabilities.set(sessionId, capabilities);
    if (this.#capabilities.size > SESSIONS_REMEMBERED) {
      const [oldest] = this.#capabilities.keys();
      if (oldest !== undefined) this.#capabilities.delete(oldest);
    }
  }

  #conversation(session: Opened | Results['get_session']): Conversation {
    const { sessionId, conversationId, agentName } = session;
    const capabilities = this.#capabilities.get(sessionId) ?? [];
    return new Conversation(this, { sessionId, conversationId, agentName, capabilities });
  }
}

function outgoingOf(
  action: { readonly action: string },
  requestId: string,
): Outgoing & { readonly requestId: string } {
  const { action: name, ...rest } = action;
  const text = encodeAction({ action: name, requestId, ...rest });
  const { sessionId } = rest as { sessionId?: string };
  return new Outgoing(name, requestId, text, sessionId) as Outgoing & {
    readonly requestId: string;
  };
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
