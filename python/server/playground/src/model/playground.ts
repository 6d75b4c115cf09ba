// One client with its conversation: what the page shows, and what its buttons do.
import {
  type ConnectionState,
  type Conversation,
  type FrameInfo,
  type ServerEvent,
  SessionNotFoundError,
  SmoothAgentClient,
  type StateChange,
} from '@smooai/smooth-operator';
import { Cell } from './cell';
import { type Config, socketUrl } from './config';
import { Talk } from './exchange';
import { WireLog } from './frames';
import { heardOf } from './people';
import { toldBefore } from './history';
import { LinkSwitch } from './link';
import { TurnWatch } from './moves';
import { linkText, type Problem, problemOf, seconds } from './words';

const SESSION = 'smooth-operator.session';
/** What this page can show beside text. */
const SUPPORTS = ['choice_chips', 'identity_form'];

/** How the link stands. */
export interface LinkView {
  readonly state: ConnectionState;
  /** Number of the attempt to come. */
  readonly attempt: number | undefined;
  /** When it comes, by the page's clock. */
  readonly dueAt: number | undefined;
}

/** Whom one talks to, and as whom. */
export interface Who {
  readonly agentId: string;
  readonly token: string;
  readonly person: Config['person'];
}

export class Playground {
  readonly log = new WireLog();
  readonly watch = new TurnWatch();
  readonly cable = new LinkSwitch();
  readonly link = new Cell<LinkView>({ state: 'idle', attempt: undefined, dueAt: undefined });
  readonly agentName = new Cell<string | undefined>(undefined);
  readonly talks = new Cell<readonly Talk[]>([]);
  /** Why there is no conversation. */
  readonly problem = new Cell<Problem | undefined>(undefined);
  /** Whether something can be said. */
  readonly isReady = new Cell(false);
  /** Whether an answer is on its way. */
  readonly isRunning = new Cell(false);
  who: Who;
  #client: SmoothAgentClient;
  #chat: Conversation | undefined;
  /** The newest turn. */
  #talk: Talk | undefined;

  constructor(who: Who) {
    this.who = who;
    this.#client = this.#made();
  }

  /** Opens the link, and takes up the conversation of this tab or begins one. */
  async start(): Promise<void> {
    const client = this.#client;
    this.problem.set(undefined);
    try {
      await client.connect();
      const chat = await this.#opened(client);
      if (client !== this.#client) return;
      this.#chat = chat;
      this.agentName.set(chat.agentName);
      this.isReady.set(true);
    } catch (error) {
      if (client === this.#client) this.problem.set(problemOf(error));
    }
  }

  /** Says something. */
  say(text: string): void {
    if (!this.#chat) return;
    this.#add(text, this.#chat.send(text));
  }

  /** Stops the newest turn. */
  async cancel(): Promise<void> {
    const stopped = this.#talk?.turn?.cancel();
    this.watch.look('cancel');
    await stopped;
  }

  /** Loses the link, and keeps it down until `resume`. */
  cut(): void {
    this.cable.cut();
  }

  /** Lets there be a link again, at once. */
  async resume(): Promise<void> {
    this.cable.mend();
    try {
      await this.#client.connect();
    } catch {
      // The state of the link tells it, and that it is tried again.
    }
  }

  /** Asks whether the server lives. */
  async ping(): Promise<void> {
    try {
      const { roundTripMs } = await this.#client.ping();
      this.log.mark(`round trip ${seconds(roundTripMs)}`, false);
    } catch (error) {
      this.log.mark(problemOf(error).text, true);
    }
  }

  /** Begins a new conversation, as somebody else or with another agent where that is given. */
  async begin(who: Who = this.who): Promise<void> {
    this.who = who;
    this.#forget();
    const before = this.#client;
    this.#client = this.#made();
    this.cable.mend();
    await before.close();
    await this.start();
  }

  #made(): SmoothAgentClient {
    const { token } = this.who;
    this.log.secret = token || undefined;
    const client = new SmoothAgentClient({
      url: socketUrl(),
      opener: this.cable.open,
      retryInitialConnect: true,
      supports: SUPPORTS,
      ...(token ? { token } : {}),
    });
    client.on('frame', (info) => this.#frame(info), { text: true });
    client.on('event', (event) => client === this.#client && this.#heard(event));
    client.on('state', (change) => client === this.#client && this.#moved(change));
    return client;
  }

  async #opened(client: SmoothAgentClient): Promise<Conversation> {
    const sessionId = sessionStorage.getItem(SESSION);
    if (sessionId) {
      try {
        const chat = await client.resumeConversation({ sessionId });
        await this.#retell(chat);
        return chat;
      } catch (error) {
        if (!(error instanceof SessionNotFoundError)) throw error;
      }
    }
    const { agentId, person } = this.who;
    const chat = await client.startConversation({ agentId, ...person });
    sessionStorage.setItem(SESSION, chat.sessionId);
    return chat;
  }

  async #retell(chat: Conversation): Promise<void> {
    const running = chat.openTurn();
    const { talks, asked } = await toldBefore(chat.messages(), running?.requestId);
    this.talks.set(talks);
    if (running) this.#add(asked, running);
  }

  #add(asked: string, turn: ReturnType<Conversation['send']>): void {
    const talk = Talk.running(asked, turn, () => {
      if (this.#talk !== talk) return;
      this.watch.look(undefined);
      this.isRunning.set(!talk.shown.value.isOver);
    });
    this.#talk = talk;
    this.talks.update((talks) => [...talks, talk]);
    this.isRunning.set(true);
    this.watch.watch(talk);
  }

  #frame(info: FrameInfo): void {
    this.log.frame(info);
    if (this.#talk?.turn?.requestId !== info.requestId) return;
    this.#talk?.look();
    this.watch.look(info.type);
  }

  /** Takes what other people in the conversation do. */
  #heard(event: ServerEvent): void {
    const talk = heardOf(event, this.#chat?.conversationId);
    if (talk) this.talks.update((talks) => [...talks, talk]);
  }

  #moved(change: StateChange): void {
    const { current: state, attempt, retryInMs, reason } = change;
    const dueAt = retryInMs === undefined ? undefined : performance.now() + retryInMs;
    this.link.set({ state, attempt, dueAt });
    this.log.mark(linkText(change), state === 'reconnecting' || reason === 'connect_failed');
    this.#talk?.look();
    this.watch.link(change);
  }

  #forget(): void {
    sessionStorage.removeItem(SESSION);
    this.#chat = undefined;
    this.#talk = undefined;
    this.talks.set([]);
    this.watch.clear();
    this.log.clear();
    this.agentName.set(undefined);
    this.isReady.set(false);
    this.isRunning.set(false);
  }
}
