import { type Clock, SystemClock } from '../clock';
import {
  type ClientOptions,
  type Conversation,
  type ConversationMessage,
  type HandlerOptions,
  SmoothAgentClient,
} from '../index';
import { readCassette } from './cassette';
import { seeded } from './chance';
import { files } from './files';
import type { Frame } from './frames';
import { type Agent, Hall } from './hall';
import type { Listening } from './loopback';
import { MEMORY_URL, memoryOpener, type Refused } from './memory';
import { Player } from './replaying';
import { Replies, type Matcher } from './replies';
import { type Reply, ScriptError } from './reply';
import { ScriptAgent } from './script';
import { messageShown, type Talk } from './store';
import type { Turn } from './turn';
import { VirtualClock } from './virtual-clock';
import { isCloseCode } from './wires';

/** How a fake server is made. */
export interface FakeServerOptions {
  /** Whether turns survive their link. @default true */
  readonly replay?: boolean | undefined;
  /** What the randomness of its clients begins with. @default 0 */
  readonly seed?: number | undefined;
  /** Time of server and clients. @default a `VirtualClock`, on loopback the platform's */
  readonly clock?: Clock | undefined;
  /** Display name of the agent. @default 'Fake Agent' */
  readonly agentName?: string | undefined;
  /** How long a question may be answered; then it is denied. @default 300_000 */
  readonly questionMs?: number | undefined;
}

/** Options of a client, without those that the server gives. */
export type FakeClientOptions = Omit<
  ClientOptions,
  'url' | 'opener' | 'clock' | 'random' | 'idGenerator'
>;

/** Options of a client that the server gives. */
const GIVEN = ['url', 'opener', 'clock', 'random', 'idGenerator'];

/** Agent of the conversations that `conversation` opens. */
const AGENT_ID = '00000000-0000-4000-8000-000000000000';

/**
 * A whole server of this protocol inside a test: in memory, or on loopback. The client under test is
 * the real one.
 *
 * @example
 * const server = new FakeServer();
 * server.onMessage('refund').confirm('refund order 7').tokens('Do', 'ne').finish();
 * const chat = await server.conversation({ handlers: { confirm: () => true } });
 * expect((await chat.ask('refund')).text).toBe('Done');
 */
export class FakeServer implements AsyncDisposable {
  readonly #hall: Hall;
  readonly #replies = new Replies();
  readonly #random: () => number;
  readonly #hasOwnClock: boolean;
  #script: ScriptAgent | undefined;
  #writesReplies = false;
  #refusals: Refused[] = [];
  #listening: Promise<Listening> | undefined;
  #url = MEMORY_URL;
  #isClosed = false;
  readonly #clients: SmoothAgentClient[] = [];
  #ids = 0;

  /** @throws {TypeError} an option has the wrong type. */
  constructor(options: FakeServerOptions = {}) {
    checkOptions(options);
    const {
      replay = true,
      seed = 0,
      clock,
      agentName = 'Fake Agent',
      questionMs = 300_000,
    } = options;
    const agent: Agent = { play: (turn) => this.#play(turn) };
    const time = clock ?? new VirtualClock();
    this.#hall = new Hall({ replay, agentName, clock: time, questionMs }, agent);
    this.#hasOwnClock = clock !== undefined;
    this.#random = seeded(seed);
  }

  /**
   * A server that gives a cassette back: the nth action of a type is answered as the nth of that
   * type was. Needs files: Node, Deno or Bun.
   *
   * @throws {CassetteError} the file is no cassette.
   */
  static async replayOf(path: string, options: FakeServerOptions = {}): Promise<FakeServer> {
    const { readFile } = await files();
    const name = path.slice(path.search(/[^/\\]*$/));
    const player = new Player(readCassette(await readFile(path, 'utf8'), name));
    const server = new FakeServer(options);
    server.#hall.player = player;
    return server;
  }

  // Who talks to it

  /**
   * Makes a client of this server: in memory, after `listen` over its socket. It connects
   * with its first action, and is closed with the server.
   *
   * @throws {TypeError} an option is wrong, or one that the server gives.
   */
  client(options: FakeClientOptions = {}): SmoothAgentClient {
    const given = GIVEN.find((name) => Object.hasOwn(options, name));
    if (given) throw new TypeError(`${given}: the server gives it`);
    const opener = memoryOpener(this.#hall, () => this.#refusal());
    const inMemory = this.#listening ? {} : { opener, clock: this.#hall.clock };
    const clock = this.#hasOwnClock ? { clock: this.#hall.clock } : {};
    const idGenerator = (): string => {
      this.#ids += 1;
      return `req-00000000-0000-4000-8000-${String(this.#ids).padStart(12, '0')}`;
    };
    const random = this.#random;
    const client = new SmoothAgentClient({
      lazy: true,
      ...options,
      url: this.#url,
      ...inMemory,
      ...clock,
      idGenerator,
      random,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client whose `connect` was called: whatever is called next waits for the link. */
  connectClient(options: FakeClientOptions = {}): SmoothAgentClient {
    const client = this.client(options);
    // Who waits for the link is told of a refusal too.
    client.connect().then(undefined, () => {});
    return client;
  }

  /** A conversation of a client that is connected. */
  async conversation(
    options: FakeClientOptions & Pick<HandlerOptions, 'handlers'> = {},
  ): Promise<Conversation> {
    const client = this.client(options);
    await client.connect();
    return client.startConversation({ agentId: AGENT_ID });
  }

  /**
   * Opens 127.0.0.1 on a free port, or on the one that is given; resolves to the address. Needs the
   * package ws.
   */
  async listen(port = 0): Promise<string> {
    if (this.#isClosed) throw new TypeError('listen(): the server was closed');
    if (!this.#hasOwnClock) this.#hall.clock = new SystemClock();
    this.#listening ??= import('./loopback').then(({ listenOn }) =>
      listenOn(this.#hall, port, () => this.#refusal()),
    );
    this.#url = (await this.#listening).url;
    return this.#url;
  }

  /** Address of the server. @throws {TypeError} it does not listen. */
  get url(): string {
    if (this.#url === MEMORY_URL) throw new TypeError('url: the server does not listen');
    return this.#url;
  }

  /**
   * The virtual clock: `advance(ms)` moves it.
   *
   * @throws {TypeError} the time is not virtual: on loopback, or with a clock of your own.
   */
  get clock(): VirtualClock {
    const { clock } = this.#hall;
    if (clock instanceof VirtualClock) return clock;
    throw new TypeError('clock: the time of this server is not virtual');
  }

  /** Closes all links with 1001, ends every turn, frees the port. Twice is once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hall.close();
    const listening = await this.#listening;
    await Promise.all([listening?.close(), ...this.#clients.map((client) => client.close())]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // What the agent does

  /**
   * Gives a reply to write steps on, for the messages that fit. Of the replies that fit, the first
   * one written that is not used up serves.
   *
   * @throws {ScriptError} the server has a script.
   */
  onMessage(matcher?: Matcher): Reply {
    if (this.#script) throw new ScriptError('onMessage(): the server has a script already');
    this.#writesReplies = true;
    return this.#replies.add(matcher);
  }

  /**
   * Sets the server up from a document of `smooth-operator-server --script`.
   *
   * @throws {ScriptError} it is no such document, or the server has replies.
   */
  script(document: unknown): this {
    if (this.#writesReplies) throw new ScriptError('script(): the server has replies already');
    this.#script = new ScriptAgent(document);
    return this;
  }

  async #play(turn: Turn): Promise<void> {
    await (this.#script ?? this.#replies).play(turn);
  }

  // What the test sees and does

  /** The frames that clients have sent, oldest first, over all links; those of an action. */
  sent(action?: string): Frame[] {
    const { sent } = this.#hall;
    return action === undefined ? [...sent] : sent.filter((frame) => frame.action === action);
  }

  /** How many links were opened since the start. */
  get connections(): number {
    return this.#hall.connections;
  }

  /** How many links are open. */
  get openConnections(): number {
    return this.#hall.links.size;
  }

  /** Messages that no reply fitted; of a cassette, actions that it does not hold. */
  get unmatched(): readonly string[] {
    return this.#hall.player?.unmatched ?? this.#replies.unmatched;
  }

  /** Ends all open links. @throws {ScriptError} no peer may send that code. */
  disconnect(code = 1006): void {
    if (!isCloseCode(code)) {
      throw new ScriptError(`disconnect(): no peer may send the close code ${code}`);
    }
    for (const link of [...this.#hall.links]) link.end(code);
  }

  /** Refuses the next handshakes with an HTTP status. @throws {ScriptError} it is none. */
  refuse(status: number, { times = 1, headers = {} }: RefuseOptions = {}): void {
    if (!Number.isInteger(status) || status < 300 || status > 599) {
      throw new ScriptError(`refuse(): ${status} is no status that refuses a handshake`);
    }
    this.#refusals.push(...Array.from({ length: times }, () => ({ status, headers })));
  }

  /** Sends a JSON object on all open links, as it is. */
  push(frame: Readonly<Record<string, unknown>>): void {
    for (const link of this.#hall.links) link.send(frame);
  }

  /** What is stored of a session's conversation. @throws {TypeError} there is no such session. */
  conversationOf(sessionId: string): StoredConversation {
    const { conversationId: id, title } = this.#talk(sessionId);
    return { id, title, messages: this.messages(sessionId) };
  }

  /** The stored messages of a session's conversation, oldest first. @throws {TypeError} as above. */
  messages(sessionId: string): ConversationMessage[] {
    const shown = this.#talk(sessionId).messages.map((message) => messageShown(message, true));
    return shown as unknown as ConversationMessage[];
  }

  #talk(sessionId: string): Talk {
    const session = this.#hall.store.sessions.get(sessionId);
    if (!session) throw new TypeError(`there is no session ${sessionId}`);
    return session.talk;
  }

  #refusal(): Refused | undefined {
    if (this.#isClosed) return { status: 503, headers: {} };
    return this.#refusals.shift();
  }
}

/** A conversation as the server has it. */
export interface StoredConversation {
  readonly id: string;
  /** Empty until it was renamed. */
  readonly title: string;
  /** Oldest first. */
  readonly messages: readonly ConversationMessage[];
}

/** How handshakes are refused. */
export interface RefuseOptions {
  /** How many of the next ones. @default 1 */
  readonly times?: number;
  /** Further headers of the answer, as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

const KNOWN = {
  replay: 'boolean',
  seed: 'number',
  clock: 'object',
  agentName: 'string',
  questionMs: 'number',
};

function checkOptions(options: FakeServerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(KNOWN, name))
      throw new TypeError(`${name}: a fake server has no such option`);
    const type = KNOWN[name as keyof typeof KNOWN];
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`${name}: expected a ${type}`);
    }
  }
}
