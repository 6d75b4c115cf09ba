// The link between page and server, with a switch in it.
import {
  type Opener,
  platformOpener,
  type Receiver,
  type SocketRequest,
  type Transport,
} from '@smooai/smooth-operator';
import { Cell } from './cell';

/** Close code of a socket that ended without a close frame. */
const ABNORMAL = 1006;

/** Why no link can be opened: its name is what the client shows. */
class CutError extends Error {
  override readonly name = 'it is cut here';
}

/** One socket that can be lost on purpose: the client hears what it would hear of a broken cable. */
class Cuttable implements Transport {
  readonly #inner: Transport;
  #receiver: Receiver | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get opened(): Promise<void> {
    return this.#inner.opened;
  }

  get gone(): Promise<void> {
    return this.#inner.gone;
  }

  get buffered(): number {
    return this.#inner.buffered;
  }

  attach(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#inner.attach(receiver);
  }

  send(text: string): void {
    this.#inner.send(text);
  }

  drained(): Promise<void> {
    return this.#inner.drained();
  }

  close(code: number): void {
    this.#receiver = undefined;
    this.#inner.close(code);
  }

  terminate(): void {
    this.#receiver = undefined;
    this.#inner.terminate();
  }

  /** Drops the socket and tells the client that it was lost. */
  cut(): void {
    const receiver = this.#receiver;
    this.terminate();
    receiver?.ended({ reason: 'lost', code: ABNORMAL });
  }
}

/** Opens the platform's sockets, unless somebody has cut the link. */
export class LinkSwitch {
  /** Whether the link is held down. */
  readonly isCut = new Cell(false);
  #socket: Cuttable | undefined;

  readonly open: Opener = async (request: SocketRequest) => {
    if (this.isCut.value) throw new CutError();
    this.#socket = new Cuttable(await platformOpener(request));
    return this.#socket;
  };

  /** Cuts the link, and holds it down. */
  cut(): void {
    this.isCut.set(true);
    this.#socket?.cut();
    this.#socket = undefined;
  }

  /** Lets the client open links again. */
  mend(): void {
    this.isCut.set(false);
  }
}
