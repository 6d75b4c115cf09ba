import type { Timer } from './clock';
import { LinkState, type StateChange } from './connection-state';
import { errorOfKind, SmoothAgentError } from './errors';
import type { LinkFacts } from './errors-made';
import { Link, type LinkOwner } from './link';
import { FrameTap } from './link-tap';
import type { Listeners } from './listeners';
import type { Watch } from './observer';
import type { Transport } from './opener';
import type { Settings } from './options';
import { Outbox, Outgoing } from './outbox';
import { Attempt, openLink } from './supervisor-attempt';
import { afterClose, Failure, HOPELESS, type Outlook } from './supervisor-failure';
import { Liveness } from './supervisor-liveness';
import { listenToPlatform } from './supervisor-platform';
import { Seeking } from './supervisor-seeking';
import { type DecodeError, encodeAction, type ServerEvent } from './wire/index';
import type { ConnectionEffect, ConnectionState, StepEvent } from './wire/steps';

/** Who takes what the link reads, and hears of its end. Must not block and must not raise. */
export interface Sink {
  received(event: ServerEvent, bytes: number): void;
  /** Takes a known event whose body is broken. */
  broken(fault: DecodeError, bytes: number): void;
  /** Settles what is in flight: the link is gone, the attempt failed, or the caller closes. */
  linkEvent(word: StepEvent, facts: LinkFacts): void;
  /** Writes what goes before all that waits for a link: one has opened. */
  linkOpened(): void;
  /** Draws the id of a ping of the client's own, whose answer is nobody's. */
  ownId(): string;
}

/** Why an action cannot start: the local event that ends it. */
export type Unstarted = 'not_connected' | 'queue_full';

/** What a client has counted since it was made (REQ-LOG-03). */
export interface LinkCounters {
  /** Links that opened. */
  readonly connects: number;
  /** Those of them that were found again. */
  readonly reconnects: number;
  /** Messages that came, of any kind. */
  readonly framesIn: number;
  /** Messages that were handed to a socket. */
  readonly framesOut: number;
  /** Messages that were no frame of the protocol (REQ-WIRE-04). */
  readonly droppedFrames: number;
  /** How often a turn that was suspended went on (REQ-RESUME-04). */
  readonly resumedTurns: number;
}

/** What the state event of a step will say, and the code to close with. */
interface News {
  readonly previous: ConnectionState;
  readonly reason: StepEvent;
  code?: number | undefined;
  error?: Error | undefined;
  attempt?: number;
  retryInMs?: number;
  closeWith?: number;
}

const NO_PONG = 4408;

/**
 * Owns attempt, link and outbox of one client. Every event goes the same way: first the machine of
 * the link, then the frames that wait, then calls and turns; an attempt that follows begins when
 * all that is done.
 */
export class Supervisor implements LinkOwner {
  /** Whether a session was opened or found: events of it may be missed (REQ-CONN-42). */
  sessionKnown = false;
  /** How the last link was lost; undefined when none was. */
  ending: LinkFacts | undefined;
  readonly counters: { -readonly [C in keyof LinkCounters]: number } = {
    connects: 0,
    reconnects: 0,
    framesIn: 0,
    framesOut: 0,
    droppedFrames: 0,
    resumedTurns: 0,
  };
  readonly #settings: Settings;
  readonly #listeners: Listeners;
  readonly #sink: Sink;
  readonly #watch: Watch;
  readonly #tap: FrameTap;
  readonly #state = new LinkState();
  readonly #outbox: Outbox;
  readonly #seeking: Seeking;
  readonly #liveness: Liveness;
  #attempt: Attempt | undefined;
  #link: Link | undefined;
  /** The link before; an attempt begins when its socket is gone (REQ-CONN-37). */
  #before: Link | undefined;
  /** Those who wait in `connect`. */
  #waiting: ((error: Error | undefined) => void)[] = [];
  /** Handlers that run. */
  readonly #beside = new Set<Promise<void>>();
  #leavePlatform: (() => void) | undefined;

  constructor(settings: Settings, listeners: Listeners, sink: Sink, watch: Watch) {
    this.#settings = settings;
    this.#listeners = listeners;
    this.#sink = sink;
    this.#watch = watch;
    this.#outbox = new Outbox(() => settings.clock.now());
    this.#tap = new FrameTap(settings, listeners);
    this.#seeking = new Seeking(settings, () => this.#happens('retry_due'));
    this.#liveness = new Liveness(settings, (word) => {
      const isDead = word === 'pong_timeout' || word === 'probe_failed';
      if (isDead) this.linkEnded(word, { code: NO_PONG });
      else this.#happens(word);
    });
  }

  get state(): ConnectionState {
    return this.#state.current;
  }

  /** Opens the link, or joins the attempt that runs (REQ-CONN-03, REQ-CONN-04, REQ-CONN-35). */
  async connect(): Promise<void> {
    this.#seek();
    if (!this.#state.sought) return;
    const error = await new Promise<Error | undefined>((answer) => this.#waiting.push(answer));
    if (error) throw error;
  }

  /** Closes the link and settles everything; never rejects (REQ-CONN-05, REQ-CONN-06). */
  async close(): Promise<void> {
    const attempt = this.#attempt;
    const link = this.#stop();
    const { closeWith } = this.#step('close');
    link?.part(closeWith);
    this.#outbox.linkGone('close', false);
    const error = errorOfKind('client_closed', { host: this.#settings.host });
    this.#answer(error);
    this.#sink.linkEvent('close', {});
    attempt?.giveUp(error);
    await attempt?.done;
    await Promise.all([this.#before?.gone, this.#handlersDone()]);
    await this.#listeners.drain();
  }

  /** Takes note of what a handler still does: `close` waits for it. */
  beside(work: Promise<void>): void {
    const done = work.finally(() => this.#beside.delete(done));
    this.#beside.add(done);
  }

  async #handlersDone(): Promise<void> {
    const { clock, closeTimeoutMs } = this.#settings;
    if (this.#beside.size === 0 || closeTimeoutMs === 0) return;
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimer(closeTimeoutMs, resolve);
    });
    await Promise.race([Promise.all(this.#beside), late]);
    timer?.cancel();
  }

  /** Asks the link whether it lives, or ends the wait for another one (REQ-CONN-35, REQ-CONN-39). */
  wake(): void {
    this.#happens('wake');
  }

  /** Queues a frame, also for a link that is sought; returns why it cannot start. */
  submit(outgoing: Outgoing): Unstarted | undefined {
    const refusal = this.#link ? undefined : this.#refusal();
    if (refusal) {
      outgoing.on(refusal);
      return refusal;
    }
    this.#outbox.put(outgoing);
    if (!this.#link && !this.#state.sought) this.#seek();
    return undefined;
  }

  /** Whether a frame that is written now leaves at once. */
  get linked(): boolean {
    return this.#link !== undefined;
  }

  /**
   * Writes a frame of what began before, or keeps it for the link that is sought: however many wait
   * already, it finds its place. Where no link is sought it is dropped.
   */
  put(outgoing: Outgoing): void {
    if (this.#link || this.#state.sought) this.#outbox.put(outgoing);
  }

  /** Why no action may start without a link (REQ-CONN-09, REQ-CONN-40). */
  #refusal(): Unstarted | undefined {
    const { lazy, queueLimit, queuePolicy } = this.#settings;
    const isSought = this.#state.sought;
    const fails = this.state === 'reconnecting' && queuePolicy === 'fail_fast';
    if (fails || (!isSought && !lazy)) return 'not_connected';
    return this.#outbox.waiting >= queueLimit ? 'queue_full' : undefined;
  }

  // What the link says

  heard(): void {
    this.counters.framesIn += 1;
    this.#liveness.heard();
  }

  dropped(): void {
    this.counters.droppedFrames += 1;
  }

  received(event: ServerEvent, bytes: number): void {
    this.#sink.received(event, bytes);
  }

  broken(fault: DecodeError, bytes: number): void {
    this.#sink.broken(fault, bytes);
  }

  flushed(outgoing: Outgoing): void {
    this.counters.framesOut += 1;
    this.#outbox.flushed(outgoing);
  }

  linkEnded(word: StepEvent, facts: LinkFacts): void {
    const link = this.#stop();
    if (!link) return;
    const news = this.#step(word, afterClose(facts.code), { code: facts.code });
    link.part(news.closeWith);
    const code = facts.code ?? news.closeWith;
    this.#log(news, 'the link to %s ended with %s: %s', String(code));
    this.ending = { ...facts, ...(code === undefined ? {} : { code }) };
    this.#settle(word, this.ending);
    this.#beginAttempt();
  }

  // Events

  /** Takes an event that ends nothing. */
  #happens(word: StepEvent): void {
    this.#step(word);
    this.#beginAttempt();
  }

  /** Begins to seek a link, or ends the wait before the next attempt. */
  #seek(): void {
    if (this.state === 'idle' || this.state === 'closed') this.#seeking.begin();
    this.#happens('connect');
  }

  #opened(attempt: Attempt, transport: Transport): undefined {
    if (this.#attempt !== attempt) {
      transport.terminate(); // closed meanwhile
      return;
    }
    this.#attempt = undefined;
    this.counters.connects += 1;
    if (this.state === 'reconnecting') this.counters.reconnects += 1;
    const link = new Link(transport, this, this.#settings, this.#tap);
    this.#link = link;
    this.#step('opened');
    this.#watch.tell('attempt', this.#settings.host, undefined);
    this.#answer(undefined);
    this.#liveness.begin();
    try {
      this.#outbox.linkReady(link, () => this.#sink.linkOpened());
      link.start();
    } catch (fault) {
      // An opener of the application gave what is no socket: nobody waits who could be told.
      this.#settings.logger.error('a transport failed as it opened: %s', String(fault));
      this.linkEnded('lost', { code: 1006 });
    }
  }

  #failed(attempt: Attempt, failure: Failure): undefined {
    // After close() the machine is past the attempt, and everything has been settled.
    if (this.#attempt !== attempt) return;
    const { error, outlook } = failure;
    this.#attempt = undefined;
    this.#seeking.error = error;
    const news = this.#step('connect_failed', outlook, { error });
    const told = news.error ?? error;
    this.#watch.tell('attempt', this.#settings.host, error);
    this.#log(news, 'no link to %s, %s: %s', this.#told(error).kind);
    if (this.state !== 'connecting') this.#answer(told);
    this.#settle('connect_failed', { error: this.#told(told) });
    this.#beginAttempt();
  }

  /** Tells frames, then calls and turns what happened to the link or the attempt. */
  #settle(word: StepEvent, facts: LinkFacts): void {
    const { sought } = this.#state;
    this.#outbox.linkGone(word, sought);
    this.#sink.linkEvent(word, { ...facts, sought });
  }

  /** Misuse is the error of who connects; who waited did nothing wrong and failed with the attempt. */
  #told(error: Error): SmoothAgentError {
    const { host } = this.#settings;
    if (SmoothAgentError.is(error)) return error;
    return errorOfKind('connect_failed', { host, cause: error });
  }

  // The machine

  /** Steps the machine of the link and carries out what it says. */
  #step(reason: StepEvent, outlook: Outlook = HOPELESS, facts: Partial<News> = {}): News {
    const news: News = { ...facts, previous: this.state, reason };
    const effects = this.#state.on(reason, this.#seeking.facts(outlook));
    for (const effect of effects) this.#act(effect, news, outlook);
    return news;
  }

  #act(effect: ConnectionEffect, news: News, outlook: Outlook): void {
    const seeking = this.#seeking;
    switch (effect.do) {
      case 'state':
        this.#tell(news);
        break;
      case 'close':
        news.closeWith = effect.closeCode;
        news.code ??= effect.closeCode;
        break;
      case 'fail':
        if (effect.ending === 'attempt') break;
        news.error = errorOfKind('reconnect_exhausted', {
          host: this.#settings.host,
          cause: news.error ?? seeking.error,
        });
        break;
      case 'schedule':
        news.attempt = seeking.number;
        news.retryInMs = seeking.schedule(outlook);
        break;
      case 'renew_token':
        seeking.renew();
        news.attempt = seeking.number;
        news.retryInMs = 0;
        break;
      case 'attempt':
        if (effect.which === 'reset') seeking.beginAnew();
        else if (!this.#attempt) seeking.attempt();
        break;
      case 'ping':
        this.#ping();
        this.#liveness.pinged();
        break;
      case 'probe':
        this.#ping();
        this.#liveness.probed();
        break;
      default:
        effect satisfies never;
    }
  }

  #tell({ closeWith: _, code, error, ...news }: News): void {
    const current = this.state;
    const found = news.previous === 'reconnecting' && current === 'open';
    const change: StateChange = {
      ...news,
      current,
      ...(code === undefined ? {} : { code }),
      ...(error === undefined ? {} : { error }),
      ...(found && this.sessionKnown ? { missed: true } : {}),
    };
    this.#listeners.emit('state', change);
    this.#hearPlatform();
  }

  /** The platform is listened to while there is a link or one is sought. */
  #hearPlatform(): void {
    if (this.#state.sought || this.state === 'open') {
      this.#leavePlatform ??= listenToPlatform((word) => this.#happens(word));
    } else {
      this.#leavePlatform?.();
      this.#leavePlatform = undefined;
    }
  }

  /** Writes a ping of the client's own (REQ-CONN-38). */
  #ping(): void {
    const requestId = this.#sink.ownId();
    const text = encodeAction({ action: 'ping', requestId });
    this.#outbox.put(new Outgoing('ping', requestId, text));
  }

  /** Logs what happened behind the caller's back, in one line (REQ-CONN-41). */
  #log({ previous, attempt, retryInMs }: News, text: string, why: string): void {
    const { logger, host } = this.#settings;
    const isGivenUp = retryInMs === undefined && previous !== 'connecting';
    const next =
      retryInMs === undefined ? 'no further attempt' : `attempt ${attempt} in ${retryInMs} ms`;
    logger[isGivenUp ? 'warn' : 'debug'](text, host, why, next);
  }

  // The attempt, and the end

  /** Begins the attempt that follows the step, if one does. */
  #beginAttempt(): void {
    const request = this.#seeking.take();
    if (!request) return;
    const attempt = new Attempt();
    this.#attempt = attempt;
    attempt.done = openLink(this.#settings, attempt, request, this.#before).then((made) =>
      made instanceof Failure ? this.#failed(attempt, made) : this.#opened(attempt, made),
    );
  }

  /** Tells those who wait in `connect` what came of it. */
  #answer(error: Error | undefined): void {
    for (const answer of this.#waiting.splice(0)) answer(error);
  }

  /** Drops timers, attempt and link; returns the link, which is to be parted from. */
  #stop(): Link | undefined {
    const link = this.#link;
    this.#liveness.end();
    this.#seeking.stop();
    this.#attempt = undefined;
    this.#link = undefined;
    this.#before = link ?? this.#before;
    return link;
  }
}
