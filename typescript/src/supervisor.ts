import { LinkState, type StateChange } from './connection-state';
import { errorOfKind, SmoothAgentError } from './errors';
import type { LinkFacts } from './errors-made';
import { Link, type LinkOwner } from './link';
import { FrameTap } from './link-tap';
import type { Listeners } from './listeners';
import type { Watch } from './observer';
import type { Transport } from './opener';
import type { Settings } from './options';
import { Outbox, type Outgoing } from './outbox';
import { Attempt, openLink } from './supervisor-attempt';
import type { DecodeError, ServerEvent } from './wire/index';
import type { ConnectionState, StepEvent } from './wire/steps';

/** Who takes what the link reads, and hears of its end. Must not block and must not raise. */
export interface Sink {
  received(event: ServerEvent, bytes: number): void;
  /** Takes a known event whose body is broken. */
  broken(fault: DecodeError, bytes: number): void;
  /** Settles what is in flight: the link is gone, the attempt failed, or the caller closes. */
  linkEvent(word: StepEvent, facts: LinkFacts): void;
}

interface Stepped {
  readonly moved: boolean;
  readonly closeWith: number | undefined;
}

/** Owns the link of one client: the attempt, its state, and the frames that wait for it. */
export class Supervisor implements LinkOwner {
  readonly #settings: Settings;
  readonly #listeners: Listeners;
  readonly #sink: Sink;
  readonly #watch: Watch;
  readonly #tap: FrameTap;
  readonly #state = new LinkState();
  readonly #outbox = new Outbox();
  #attempt: Attempt | undefined;
  #link: Link | undefined;
  /** Ends of links that are on their way; `close` waits for them. */
  readonly #parting = new Set<Promise<void>>();

  constructor(settings: Settings, listeners: Listeners, sink: Sink, watch: Watch) {
    this.#settings = settings;
    this.#listeners = listeners;
    this.#sink = sink;
    this.#watch = watch;
    this.#tap = new FrameTap(settings, listeners);
  }

  get state(): ConnectionState {
    return this.#state.current;
  }

  /** Opens the link, or joins the attempt that runs (REQ-CONN-03, REQ-CONN-04). */
  async connect(): Promise<void> {
    this.#begin();
    const error = await this.#attempt?.done;
    if (error) throw error;
  }

  /** Closes the link and settles everything; never rejects (REQ-CONN-05, REQ-CONN-06). */
  async close(): Promise<void> {
    this.#sink.linkEvent('close', {});
    const attempt = this.#attempt;
    const link = this.#link;
    this.#attempt = undefined;
    this.#link = undefined;
    const { closeWith } = this.#step('close');
    this.#outbox.linkGone('close');
    attempt?.giveUp(errorOfKind('client_closed', { host: this.#settings.host }));
    if (link) this.#part(link, closeWith);
    await attempt?.done;
    await Promise.all(this.#parting);
    await this.#listeners.drain();
  }

  /** Queues a frame, also for a link that an attempt may bring; false without either (REQ-CONN-09). */
  submit(outgoing: Outgoing): boolean {
    if (this.#settings.lazy) this.#begin();
    if (!this.#link && this.state !== 'connecting') {
      outgoing.on('not_connected');
      return false;
    }
    this.#outbox.put(outgoing);
    return true;
  }

  // What the link says

  received(event: ServerEvent, bytes: number): void {
    this.#sink.received(event, bytes);
  }

  broken(fault: DecodeError, bytes: number): void {
    this.#sink.broken(fault, bytes);
  }

  flushed(outgoing: Outgoing): void {
    this.#outbox.flushed(outgoing);
  }

  linkEnded(word: StepEvent, facts: LinkFacts): void {
    const link = this.#link;
    if (!link) return;
    this.#link = undefined;
    const { closeWith } = this.#step(word, facts);
    this.#part(link, closeWith);
    const code = facts.code ?? closeWith;
    this.#sink.linkEvent(word, { ...facts, ...(code === undefined ? {} : { code }) });
    this.#outbox.linkGone(word);
  }

  // The attempt

  #begin(): void {
    if (!this.#step('connect').moved) return;
    const attempt = new Attempt();
    this.#attempt = attempt;
    attempt.done = openLink(this.#settings, attempt).then(
      (transport) => this.#opened(attempt, transport),
      (error) => this.#failed(attempt, error),
    );
  }

  #opened(attempt: Attempt, transport: Transport): undefined {
    if (this.#attempt !== attempt) {
      transport.terminate(); // closed meanwhile
      return;
    }
    this.#attempt = undefined;
    const link = new Link(transport, this, this.#settings, this.#tap);
    this.#link = link;
    this.#step('opened');
    this.#watch.tell('attempt', this.#settings.host, undefined);
    this.#outbox.linkReady(link);
    link.start();
  }

  #failed(attempt: Attempt, error: Error): Error {
    // After close() the machine is past the attempt, and everything has been settled.
    if (this.#attempt !== attempt) return error;
    this.#attempt = undefined;
    this.#step('connect_failed', { error });
    this.#watch.tell('attempt', this.#settings.host, error);
    this.#sink.linkEvent('connect_failed', { error: this.#told(error) });
    this.#outbox.linkGone('connect_failed');
    return error;
  }

  /** Misuse is the error of who connects; who waited did nothing wrong and failed with the attempt. */
  #told(error: Error): SmoothAgentError {
    const { host } = this.#settings;
    if (SmoothAgentError.is(error)) return error;
    return errorOfKind('connect_failed', { host, cause: error });
  }

  /** Steps the machine, reports the move, and returns the code to close with. */
  #step(reason: StepEvent, facts: Pick<StateChange, 'code' | 'error'> = {}): Stepped {
    const { change, closeWith } = this.#state.on(reason);
    const code = facts.code ?? closeWith;
    if (change) {
      const told: StateChange = {
        ...change,
        reason,
        ...(code === undefined ? {} : { code }),
        ...(facts.error === undefined ? {} : { error: facts.error }),
      };
      this.#listeners.emit('state', told);
    }
    return { moved: change !== undefined, closeWith };
  }

  #part(link: Link, code: number | undefined): void {
    const parting = link.part(code).finally(() => this.#parting.delete(parting));
    this.#parting.add(parting);
  }
}
