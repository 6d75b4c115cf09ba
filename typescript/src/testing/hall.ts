import type { Clock, Timer } from '../clock';
import { isObject } from '../wire/repair';
import { CALLS } from './calls';
import { type Action, checkedAction, Refusal } from './checks';
import { failure, type Frame, turnResumed } from './frames';
import type { Player } from './replaying';
import { type Message, type Session, Store } from './store';
import { bodyOf, Stopped, Turn } from './turn';
import {
  cancel,
  confirmToolAction,
  isVerb,
  refuseVerb,
  submitInteraction,
  verifyOtp,
} from './verbs';
import { Link, type Wire } from './wires';

/** Capability words of this server. */
const WORDS = ['choice_chips', 'identity_form', 'otp_park', 'replay', 'spec_1_1', 'spec_1_2'];

/** What the agent does: the replies or the script of a server. */
export interface Agent {
  /** Plays one turn; rejects with `Stopped` when that ended meanwhile. */
  play(turn: Turn): Promise<void>;
}

/** What a hall is made with. */
export interface HallOptions {
  readonly replay: boolean;
  readonly agentName: string;
  readonly clock: Clock;
  /** How long a question may be answered, in milliseconds (REQ-SRV-09). */
  readonly questionMs: number;
}

/** Everything behind the links: from a frame to its answers. */
export class Hall {
  readonly store = new Store();
  /** What clients have sent, oldest first. */
  readonly sent: Frame[] = [];
  readonly links = new Set<Link>();
  readonly capabilities: readonly string[];
  readonly agentName: string;
  readonly questionMs: number;
  clock: Clock;
  /** Answers in place of all this: a cassette. */
  player: Player | undefined;
  connections = 0;
  #ids = 0;
  readonly #timers = new Set<Timer>();

  constructor(
    { replay, agentName, clock, questionMs }: HallOptions,
    readonly agent: Agent,
  ) {
    this.capabilities = WORDS.filter((word) => replay || word !== 'replay');
    this.agentName = agentName;
    this.clock = clock;
    this.questionMs = questionMs;
  }

  /** Time of day, epoch milliseconds. */
  now(): number {
    return Math.round(this.clock.wall());
  }

  newId(): string {
    this.#ids += 1;
    return `00000000-0000-4000-8000-${String(this.#ids).padStart(12, '0')}`;
  }

  /** Starts a timer that ends with the server. */
  timer(ms: number, fire: () => void): Timer {
    const made = this.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      fire();
    });
    const timer = {
      cancel: () => {
        this.#timers.delete(timer);
        made.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  sleep(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.timer(ms, resolve));
  }

  /** Whether the turns of a session are numbered and can be taken up. */
  replays(session: Session): boolean {
    return session.supports.has('replay');
  }

  isOpen(link: Link): boolean {
    return this.links.has(link) && link.isOpen;
  }

  running(): Turn[] {
    return [...this.store.talks.values()].flatMap(({ running }) => running ?? []);
  }

  // Links

  open(wire: Wire): Link {
    this.connections += 1;
    const link = new Link(this.connections, wire, () => this.gone(link));
    this.links.add(link);
    this.player?.greet(link);
    return link;
  }

  /** A link has ended, from whichever side. */
  gone(link: Link): void {
    link.isOpen = false;
    if (!this.links.delete(link)) return;
    for (const turn of this.running()) turn.detach(link);
  }

  close(): void {
    for (const link of [...this.links]) link.end(1001);
    for (const turn of this.running()) turn.fail('AGENT_ERROR', 'the server was closed');
    for (const { asked } of this.store.sessions.values()) {
      for (const one of asked.values()) one.drop();
    }
    for (const timer of [...this.#timers]) timer.cancel();
  }

  // Frames

  /** Answers one text of a client. */
  text(link: Link, text: string): void {
    let frame: Frame = {};
    try {
      frame = parsed(text);
      this.sent.push(frame);
      if (this.player) this.player.answer(link, frame);
      else this.#handle(link, checkedAction(frame));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refuse(link, frame, error);
    }
  }

  #handle(link: Link, action: Action): void {
    const call = CALLS[action.action];
    if (call) call(this, link, action);
    else if (action.action === 'send_message') this.#sendMessage(link, action);
    else if (action.action === 'resume_turn') this.#resumeTurn(link, action);
    else if (action.action === 'confirm_tool_action') confirmToolAction(this, link, action);
    else if (action.action === 'verify_otp') verifyOtp(this, link, action);
    else if (action.action === 'submit_interaction') submitInteraction(this, link, action);
    else cancel(this, link, action);
  }

  #refuse(link: Link, frame: Frame, refusal: Refusal): void {
    const requestId = typeof frame.requestId === 'string' ? frame.requestId : undefined;
    if (isVerb(frame.action) && requestId !== undefined) {
      refuseVerb(this, link, frame, refusal);
      return;
    }
    const session = this.store.sessions.get(String(frame.sessionId));
    const runs = requestId !== undefined && session?.talk.running?.requestId === requestId;
    const terminal = session?.supports.has('spec_1_1') ? !runs : undefined;
    link.send(failure(requestId, this.now(), refusal.code, refusal.message, terminal));
  }

  #sendMessage(link: Link, action: Action): void {
    const session = this.store.session(action.sessionId);
    const { talk } = session;
    const requestId = action.requestId ?? `req-${this.newId()}`;
    const known = this.replays(session) ? talk.turns.get(requestId) : undefined;
    if (known) {
      if (known.body !== bodyOf(action)) {
        throw new Refusal('VALIDATION_ERROR', '/requestId is that of another message');
      }
      known.give(link, 0);
      return;
    }
    if (talk.running) {
      throw new Refusal('TURN_IN_PROGRESS', 'the conversation runs another turn');
    }
    const promised = talk.promised.get(requestId);
    if (promised !== undefined && promised !== link.number) return;
    const message: Message = {
      id: this.newId(),
      direction: 'inbound',
      text: String(action.message),
      createdMs: this.now(),
      requestId,
      from: { id: session.userParticipantId, type: 'user', name: session.userName },
      turn: 'running',
    };
    session.asked.get('otp')?.drop();
    talk.messages.push(message);
    talk.updatedMs = this.now();
    const turn = new Turn(this, session, requestId, message, action, link);
    talk.running = turn;
    talk.turns.set(requestId, turn);
    turn.accept();
    this.agent.play(turn).catch((error: unknown) => {
      if (error instanceof Stopped) return;
      // A matcher or a reply of the test that throws: said where the test looks, in its turn.
      turn.fail('AGENT_ERROR', `the reply failed: ${(error as Error)?.name ?? typeof error}`);
    });
  }

  #resumeTurn(link: Link, action: Action): void {
    const session = this.store.session(action.sessionId);
    if (!this.replays(session)) {
      throw new Refusal('UNSUPPORTED_ACTION', 'the session did not list replay');
    }
    const requestId = String(action.requestId);
    const turn = session.talk.turns.get(requestId);
    if (turn?.channel.numbered) {
      turn.give(link, Number(action.afterSeq));
      return;
    }
    session.talk.promised.set(requestId, link.number);
    link.send(turnResumed(requestId, this.now(), 'never', 0));
  }
}

function parsed(text: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal('VALIDATION_ERROR', 'the frame is not JSON');
  }
  if (!isObject(value)) throw new Refusal('VALIDATION_ERROR', 'the frame is not a JSON object');
  return value as Frame;
}
