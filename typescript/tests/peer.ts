// A small server on a real socket of this machine: what it reads is looked at, what it writes is
// said by the test.
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

export type Frame = Record<string, unknown>;

const LIMIT_MS = 3_000;

/** Fails a wait that would hang a test. */
export function within<T>(what: string, promise: PromiseLike<T>, ms = LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Hands out what was put in, in order; a take waits for the next put. */
export class Queue<T> {
  #items: T[] = [];
  #takers: ((item: T) => void)[] = [];

  get length(): number {
    return this.#items.length;
  }

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(what: string, ms = LIMIT_MS): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return within(what, new Promise<T>((resolve) => this.#takers.push(resolve)), ms);
  }
}

/** One link of a client. */
export class Link {
  readonly frames = new Queue<Frame>();
  /** Resolves to the close code that the client sent. */
  readonly closed: Promise<number>;

  constructor(
    readonly socket: WebSocket,
    readonly request: IncomingMessage,
  ) {
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('message', (data: RawData) => this.frames.put(JSON.parse(String(data))));
    socket.on('error', () => {});
  }

  recv(): Promise<Frame> {
    return this.frames.take('a frame');
  }

  send(...frames: object[]): void {
    for (const frame of frames) this.socket.send(JSON.stringify(frame));
  }

  text(...texts: string[]): void {
    for (const text of texts) this.socket.send(text);
  }

  /** Writes bytes past the WebSocket layer. */
  raw(...bytes: number[]): void {
    this.request.socket.write(Buffer.from(bytes));
  }

  drop(): void {
    this.socket.terminate();
  }
}

/** How a handshake is answered. */
export interface PeerPlan {
  /** Refuse with this HTTP status. */
  readonly status?: number;
  /** Body and further header lines of the refusal. */
  readonly body?: string;
  readonly more?: string;
  /** Key and certificate for wss:. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Hold every handshake until `release` is called. */
  readonly hold?: boolean;
}

export class Peer {
  readonly links = new Queue<Link>();
  readonly requests: IncomingMessage[] = [];
  readonly #http: Server;
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #url: string;
  readonly #sockets = new Set<Duplex>();
  #held: (() => void)[] = [];

  private constructor(http: Server, plan: PeerPlan) {
    this.#http = http;
    const { port } = http.address() as AddressInfo;
    this.#url = `${plan.tls ? 'wss' : 'ws'}://127.0.0.1:${port}/ws`;
    http.on('upgrade', (request, socket, head) => {
      this.requests.push(request);
      this.#sockets.add(socket);
      socket.on('error', () => {});
      const answer = (): void => {
        if (plan.status) {
          const location = plan.status < 400 ? 'Location: ws://127.0.0.1:1/\r\n' : '';
          const { body = '', more = '' } = plan;
          const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
          socket.end(`HTTP/1.1 ${plan.status} No\r\n${location}${more}${length}\r\n${body}`);
          return;
        }
        this.#server.handleUpgrade(request, socket, head, (made) =>
          this.links.put(new Link(made, request)),
        );
      };
      if (plan.hold) this.#held.push(answer);
      else answer();
    });
  }

  static start(plan: PeerPlan = {}): Promise<Peer> {
    const http = plan.tls ? createHttpsServer(plan.tls) : createHttpServer();
    return new Promise((resolve) => {
      http.listen(0, '127.0.0.1', () => resolve(new Peer(http as Server, plan)));
    });
  }

  get url(): string {
    return this.#url;
  }

  link(): Promise<Link> {
    return this.links.take('a link');
  }

  release(): void {
    for (const answer of this.#held.splice(0)) answer();
  }

  async stop(): Promise<void> {
    // An upgraded socket is no connection of the HTTP server any more.
    for (const socket of this.#sockets) socket.destroy();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}
