// What opens a socket, and what a socket is: the seam for tests, proxies and custom dialers.

/** How a link ended, in the words of the connection machine. */
export interface LinkEnd {
  readonly reason: 'closed_by_peer' | 'lost' | 'too_large' | 'invalid_utf8';
  /** As received; 1005 without a code, 1006 without a close frame (REQ-CONN-15). */
  readonly code: number;
  /** Reason of the peer's close frame. */
  readonly text?: string;
}

/** Who takes what a socket reads. Must not block and must not raise. */
export interface Receiver {
  /** `bytes` is missing where the platform does not say it and nobody needed it yet. */
  text(text: string, bytes?: number): void;
  binary(bytes: number): void;
  /** The end of the link; called once, and not after `close`. */
  ended(end: LinkEnd): void;
}

/** One WebSocket. */
export interface Transport {
  /** Settles with the handshake; rejects with a `HandshakeError`. */
  readonly opened: Promise<void>;
  /** Resolves when the socket is gone. */
  readonly gone: Promise<void>;
  /** Bytes that were sent and not yet handed to the network. */
  readonly buffered: number;
  /** Hands everything that is read, from the first message on, to `receiver`. */
  attach(receiver: Receiver): void;
  /** Sends one text message; messages leave in the order of the calls. */
  send(text: string): void;
  /** Resolves when some of what was buffered has left. */
  drained(): Promise<void>;
  /** Sends a close frame; what comes after it reaches the receiver no more. */
  close(code: number): void;
  /** Drops the socket. */
  terminate(): void;
}

/** What a socket is opened with. */
export interface SocketRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly origin: string | undefined;
  readonly roots: string | readonly string[] | undefined;
  readonly maxMessageBytes: number;
  /** What an opener of your own throws when the server refused the handshake. */
  readonly HandshakeError?: typeof HandshakeError | undefined;
}

/** The link could not be opened; `status` is the HTTP status, where there was one. */
export class HandshakeError extends Error {
  readonly status: number | undefined;
  readonly details: HandshakeDetails;
  /** False when another attempt cannot help; undefined when nothing is known. */
  readonly retryable: boolean | undefined;

  constructor(message: string, facts: HandshakeFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.details = facts.details ?? {};
    this.status = this.details.status;
    this.retryable = facts.retryable;
  }
}

/** What the answer to a refused handshake held (REQ-CONN-22). */
export interface HandshakeDetails {
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly body?: string;
  readonly requestId?: string;
}

export interface HandshakeFacts {
  readonly details?: HandshakeDetails;
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** Opens a socket; throws, or rejects `opened`, when there can be none. */
export type Opener = (request: SocketRequest) => Transport | Promise<Transport>;
