import type { LinkFacts } from './errors-made';
import type { Listeners } from './listeners';
import { requestId as freshId, type Settings } from './options';
import type { Sink } from './supervisor';
import { correlationOf, type DecodeError, idOf, type ServerEvent, unknownOf } from './wire/index';
import { LIMITS } from './wire/options';
import type { StepEvent } from './wire/steps';

/** A call or a turn, as the router sees it. Nothing here may block or raise. */
export interface InFlight {
  /** Takes one event of this id; returns whether it went anywhere but to the listeners. */
  received(event: ServerEvent, bytes: number): boolean;
  /** Takes a known event of this id with a broken body; returns the same. */
  broken(fault: DecodeError, bytes: number): boolean;
  /** Takes a local event of the link: lost, close, connect_failed, … */
  linkEvent(word: StepEvent, facts: LinkFacts): void;
  /** Writes what goes before all that waits for a link: one has opened. */
  linkOpened?(): void;
  /** Takes note that the session's next message goes out. */
  nextSend(sessionId: string): void;
}

/** Who gets a frame: what is in flight, by requestId. */
export class Router implements Sink {
  readonly #settings: Settings;
  readonly #listeners: Listeners;
  readonly #inFlight = new Map<string, InFlight>();
  readonly #settled = new Set<string>();
  /** The owner of the event before: most events have the id of the one before. */
  #latest: InFlight | undefined;
  #latestId: string | undefined;

  constructor(settings: Settings, listeners: Listeners) {
    this.#settings = settings;
    this.#listeners = listeners;
  }

  /** Returns who is in flight under an id. */
  owner(requestId: string | undefined): InFlight | undefined {
    if (requestId === undefined) return undefined;
    if (requestId !== this.#latestId) {
      this.#latest = this.#inFlight.get(requestId);
      this.#latestId = requestId;
    }
    return this.#latest;
  }

  /** Routes events of an id to `owner` from now on; it comes after all others. */
  add(requestId: string, owner: InFlight): void {
    this.#inFlight.delete(requestId);
    this.#inFlight.set(requestId, owner);
    this.#latestId = undefined;
  }

  /** Routes events of an id to nobody from now on, and remembers that it was ours (REQ-TURN-06). */
  settle(requestId: string, owner?: InFlight): void {
    if (this.#inFlight.get(requestId) === owner) this.#inFlight.delete(requestId);
    this.#latestId = undefined;
    this.#settled.delete(requestId);
    this.#settled.add(requestId);
    if (this.#settled.size > LIMITS.settledIds) {
      const [oldest] = this.#settled;
      if (oldest !== undefined) this.#settled.delete(oldest);
    }
  }

  /** What is in flight. */
  get owners(): Iterable<InFlight> {
    return this.#inFlight.values();
  }

  /** Draws the id of a ping of our own; its answer is seen by the tap alone (REQ-CONN-38). */
  ownId(): string {
    const requestId = this.freshId();
    this.settle(requestId);
    return requestId;
  }

  /**
   * Draws the id of what the client sends on its own; a generator that breaks or repeats an id must
   * not end the link (REQ-CONN-41).
   */
  freshId(): string {
    try {
      const requestId: unknown = this.#settings.idGenerator();
      const isFree = typeof requestId === 'string' && requestId && !this.#inFlight.has(requestId);
      if (isFree) return requestId as string;
    } catch {
      // as one that gives what is no id
    }
    this.#settings.logger.warn('idGenerator: expected an id that is not in flight');
    return freshId(Math.random);
  }

  /** Hands an event to its turn or call, else to the event listeners (REQ-WIRE-12). */
  received(event: ServerEvent, bytes: number): void {
    const requestId = idOf(event);
    const owner = this.owner(requestId);
    if (owner) {
      if (owner.received(event, bytes)) return;
    } else if (event.type === 'keepalive' || this.#isSettled(requestId)) {
      return;
    }
    this.#listeners.emit('event', event);
  }

  /** Hands a broken event to its owner, else to the listeners as an unknown one. */
  broken(fault: DecodeError, bytes: number): void {
    this.#settings.logger.warn('a broken %s at %s', fault.type, fault.problem.pointer);
    const requestId = correlationOf(fault.raw);
    const owner = this.owner(requestId);
    if (owner ? owner.broken(fault, bytes) : this.#isSettled(requestId)) return;
    this.#listeners.emit('event', unknownOf(fault));
  }

  /** Tells everything in flight what became of the link (REQ-CONN-06, REQ-CONN-15). */
  linkEvent(word: StepEvent, facts: LinkFacts): void {
    for (const owner of [...this.#inFlight.values()]) owner.linkEvent(word, facts);
  }

  /** Lets suspended turns ask for their events, in the order of their send (REQ-RESUME-03). */
  linkOpened(): void {
    for (const owner of [...this.#inFlight.values()]) owner.linkOpened?.();
  }

  /** Tells settled turns of the session that its next message goes out (REQ-OTP-03). */
  nextSend(sessionId: string): void {
    for (const owner of [...this.#inFlight.values()]) owner.nextSend(sessionId);
  }

  #isSettled(requestId: string | undefined): boolean {
    return requestId !== undefined && this.#settled.has(requestId);
  }
}
