import type { Timer } from './clock';
import { type LinkFacts, typeOf } from './errors-made';
import { type FrameTap, sizeOf } from './link-tap';
import type { Settings } from './options';
import { fastPaths } from './options-fast-paths';
import type { LinkEnd, Receiver, Transport } from './opener';
import type { Outgoing, Taker } from './outbox';
import {
  correlationOf,
  DecodeError,
  EventDecoder,
  idOf,
  MalformedFrame,
  type ServerEvent,
} from './wire/index';
import { LIMITS } from './wire/options';
import type { StepEvent } from './wire/steps';

/** How long a dropped socket has to go. */
const DROPPED_MS = 100;

/** Who takes what a link reads, and hears of its end. Must not block and must not raise. */
export interface LinkOwner {
  /** Takes note that a message came, of any kind. */
  heard(): void;
  /** Takes note that it was no frame of the protocol. */
  dropped(): void;
  received(event: ServerEvent, bytes: number): void;
  /** Takes a known event whose body is broken. */
  broken(fault: DecodeError, bytes: number): void;
  /** Takes note that the socket has a frame. */
  flushed(outgoing: Outgoing): void;
  /** The link ended, by a word of the table `connection`; called at most once. */
  linkEnded(word: StepEvent, facts: LinkFacts): void;
}

/** One open socket: reads and decodes, and writes what it takes from the outbox. */
export class Link implements Receiver, Taker {
  readonly #transport: Transport;
  readonly #owner: LinkOwner;
  readonly #settings: Settings;
  readonly #tap: FrameTap;
  readonly #decoder = new EventDecoder({ learns: fastPaths.learned });
  /** Resolves, once the link was parted from, when its socket is gone or was dropped. */
  gone: Promise<void> = Promise.resolve();
  #forget: (() => void) | undefined;
  #waiting: Outgoing[] = [];
  #draining = false;
  #over = false;
  /** Malformed frames in a row. */
  #malformed = 0;

  constructor(transport: Transport, owner: LinkOwner, settings: Settings, tap: FrameTap) {
    this.#transport = transport;
    this.#owner = owner;
    this.#settings = settings;
    this.#tap = tap;
  }

  /** Begins to read. */
  start(): void {
    this.#transport.attach(this);
  }

  /** Takes a frame; it is written when the socket has room (REQ-CONN-18). */
  take(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
    this.#flush();
  }

  /**
   * Ends the link from our side: with a close frame where there is a code. `gone` then waits for
   * the peer as long as the options say.
   */
  part(code: number | undefined): void {
    this.#over = true;
    this.#waiting = [];
    const transport = this.#transport;
    const dropped = new Promise<void>((resolve) => {
      this.#forget = resolve;
    });
    if (code !== undefined) transport.close(code);
    const { closeTimeoutMs, clock } = this.#settings;
    let timer: Timer | undefined;
    if (closeTimeoutMs > 0) timer = clock.setTimer(closeTimeoutMs, () => this.drop());
    else this.drop();
    this.gone = Promise.race([transport.gone, dropped]).then(() => {
      timer?.cancel();
      this.#forget = undefined;
    });
  }

  /** Drops the socket of a link that was parted from, if it is not gone. */
  drop(): void {
    if (!this.#forget) return;
    this.#transport.terminate();
    // A socket that does not even go when it is dropped is waited for no longer (REQ-CONN-27).
    setTimeout(this.#forget, DROPPED_MS);
  }

  // What the socket reads

  /** Decodes one message and hands it on. */
  text(text: string, bytes?: number): void {
    this.#owner.heard();
    let event: ServerEvent;
    try {
      event = this.#decoder.decode(text);
    } catch (fault) {
      this.#unusable(fault, text, bytes);
      return;
    }
    this.#malformed = 0;
    if (this.#tap.wanted) {
      this.#tap.show('in', typeOf(event), idOf(event), bytes ?? sizeOf(text), text);
    }
    if (event.type === 'unknown') {
      const word = event.wireType;
      this.#tap.warnOnce(word, 'unknown event type %s', word.slice(0, 64));
    }
    this.#owner.received(event, bytes ?? text.length);
  }

  /** Counts a binary message as malformed. */
  binary(bytes: number): void {
    this.#owner.heard();
    this.#tap.show('in', undefined, undefined, bytes, undefined);
    this.#countMalformed();
  }

  ended({ reason, code, text }: LinkEnd): void {
    this.#end(reason, { code, ...(text ? { reason: text } : {}) });
  }

  #unusable(fault: unknown, text: string, size: number | undefined): void {
    const bytes = size ?? sizeOf(text);
    if (fault instanceof DecodeError) {
      this.#malformed = 0;
      this.#tap.show('in', fault.type, correlationOf(fault.raw), bytes, text);
      this.#owner.broken(fault, bytes);
    } else if (fault instanceof MalformedFrame) {
      this.#tap.show('in', undefined, undefined, bytes, text);
      this.#countMalformed();
    } else {
      throw fault;
    }
  }

  #countMalformed(): void {
    this.#malformed += 1;
    this.#owner.dropped();
    this.#tap.warnOnce('', 'a malformed frame was dropped');
    if (this.#malformed === LIMITS.malformedInARow) this.#end('malformed_limit', {});
  }

  #end(word: StepEvent, facts: LinkFacts): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.linkEnded(word, facts);
  }

  // What it writes

  #flush(): void {
    while (this.#waiting.length > 0 && !this.#over) {
      if (this.#transport.buffered > LIMITS.bufferedBytes) {
        this.#awaitDrain();
        return;
      }
      const outgoing = this.#waiting.shift();
      if (outgoing) this.#write(outgoing);
    }
  }

  #awaitDrain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#transport.drained().then(() => {
      this.#draining = false;
      this.#flush();
    });
  }

  #write(outgoing: Outgoing): void {
    const { action, requestId, text } = outgoing;
    this.#transport.send(text);
    this.#owner.flushed(outgoing);
    if (this.#tap.wanted) this.#tap.show('out', action, requestId, sizeOf(text), text);
  }
}
