import type { Timer } from '../clock';
import type { Citation, Usage } from '../wire/types';
import { Channel } from './channel';
import { cancelled, eventualResponse, failure, type Frame, response } from './frames';
import type { Hall } from './hall';
import { Asked, type AskedOf, type Outcome } from './questions';
import type { Message, Session, TurnFate } from './store';
import type { Link } from './wires';

/** Time that a turn without a link runs on, in milliseconds (REQ-SRV-36). */
const ALONE_MS = 90_000;

/** The turn is over; what plays it ends. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** What a turn's answer says beside its text. */
export interface Answer {
  readonly text?: string | undefined;
  readonly citations?: readonly Citation[] | undefined;
  readonly usage?: Usage | undefined;
  readonly suggestions?: readonly string[] | undefined;
}

/** One turn that runs, or ran. */
export class Turn {
  readonly channel: Channel;
  /** Text of the tokens so far. */
  text = '';
  /** What the message said that began it, to know it again (REQ-SRV-29). */
  readonly body: string;
  /** Whether the client takes `stream_token` (REQ-SRV-08). */
  readonly wantsTokens: boolean;
  readonly #stop: Promise<never>;
  #reject: (reason: Stopped) => void = () => {};
  #alone: Timer | undefined;

  constructor(
    readonly hall: Hall,
    readonly session: Session,
    readonly requestId: string,
    readonly message: Message,
    action: Frame,
    link: Link,
  ) {
    this.channel = new Channel(link, hall.replays(session));
    this.body = bodyOf(action);
    this.wantsTokens = action.stream !== false;
    this.#stop = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#stop.catch(() => {});
  }

  get isOver(): boolean {
    return this.channel.isSettled;
  }

  get extended(): boolean {
    return this.session.supports.has('spec_1_1');
  }

  /** Waits, but for no longer than the turn runs. */
  within<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#stop]);
  }

  /** Sends an event, unless the turn is over. */
  emit(frame: Frame): void {
    if (this.isOver) throw new Stopped();
    this.channel.emit(frame);
  }

  accept(): void {
    this.emit(response(this.requestId, this.hall.now(), 202, 'Message accepted', {}));
  }

  /** An error that leaves the turn alive. */
  refusal(code: string, message: string): Frame {
    const terminal = this.extended ? false : undefined;
    return failure(this.requestId, this.hall.now(), code, message, terminal);
  }

  /** Asks a person. */
  ask(of: Omit<AskedOf, 'requestId'>, shown: (asked: Asked) => void, lapsed: Outcome): Asked {
    const asked = new Asked({ ...of, requestId: this.requestId });
    const earlier = this.session.asked.get(of.kind);
    earlier?.drop();
    this.session.asked.set(of.kind, asked);
    shown(asked);
    const left = of.expiresMs - this.hall.now();
    asked.timer = this.hall.timer(left, () => asked.close(lapsed));
    return asked;
  }

  finish({ text = this.text, citations = [], usage, suggestions = [] }: Answer): void {
    const messageId = this.hall.newId();
    const said = { messageId, text, citations, usage, suggestions };
    const terminal = eventualResponse(this.requestId, this.hall.now(), said);
    this.#settle(terminal, 'completed', () => {
      const { agentParticipantId: id, agentName: name, talk } = this.session;
      talk.messages.push({
        id: messageId,
        direction: 'outbound',
        text,
        createdMs: this.hall.now(),
        requestId: this.requestId,
        from: { id, type: 'ai-agent', name },
      });
    });
  }

  fail(code: string, message: string): void {
    const terminal = this.extended ? true : undefined;
    this.#settle(failure(this.requestId, this.hall.now(), code, message, terminal), 'failed');
  }

  /** Ends the turn as cancelled; returns its last event. */
  cancel(): Frame {
    const terminal = cancelled(this.requestId, this.hall.now());
    this.#settle(terminal, 'cancelled');
    return terminal;
  }

  /** Lets the turn run on without its link for a while, or ends it with the link. */
  detach(link: Link): void {
    if (this.isOver || this.channel.link !== link) return;
    this.channel.link = undefined;
    if (!this.channel.numbered) {
      this.fail('AGENT_ERROR', 'The turn lost its link.');
      return;
    }
    this.#watch();
  }

  /** Gives the turn to a link. */
  give(link: Link, after: number): void {
    this.channel.give(link, this.requestId, this.hall.now(), after);
    if (this.channel.link) this.#alone?.cancel();
  }

  #watch(): void {
    this.#alone?.cancel();
    this.#alone = this.hall.timer(ALONE_MS, () => {
      if (this.isOver || this.channel.link) return;
      const isAsked = [...this.session.asked.values()].some(
        (asked) => asked.isOpen && asked.of.requestId === this.requestId,
      );
      if (isAsked) this.#watch();
      else this.fail('AGENT_ERROR', 'nobody came back to the turn in time');
    });
  }

  #settle(terminal: Frame, fate: TurnFate, store = (): void => {}): void {
    if (this.isOver) return;
    const { talk, asked } = this.session;
    this.message.turn = fate;
    store();
    talk.updatedMs = this.hall.now();
    if (talk.running === this) talk.running = undefined;
    this.channel.emit(terminal);
    this.channel.settle(this.hall.now());
    this.#alone?.cancel();
    for (const one of asked.values()) {
      // A code alone outlives its turn, where the turn does not wait for it (REQ-OTP-03).
      if (one.of.requestId !== this.requestId) continue;
      if (one.of.kind !== 'otp' || this.session.supports.has('otp_park')) one.drop();
    }
    this.#reject(new Stopped());
  }
}

/** What of a message makes it the same one again. */
export function bodyOf({ requestId: _, ...action }: Frame): string {
  return JSON.stringify(Object.entries(action).sort(([left], [right]) => (left < right ? -1 : 1)));
}
