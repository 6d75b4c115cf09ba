import { type Clock, SystemClock } from './clock';
import { checkHeaders, checkUrl, checkValue, hostOf } from './options-handshake';
import { checkHandlers, type Handlers } from './handlers';
import type { Observer } from './observer';
import type { Opener } from './opener';
import { DEFAULTS } from './wire/options';

/**
 * Why a token is asked for: `connect` for the first attempt, `reconnect` for a later one, `rejected`
 * when the server refused the token before, so that a kept one will not do (REQ-CONN-34).
 */
export type TokenReason = 'connect' | 'reconnect' | 'rejected';

/** What a token provider is asked for: the token of one attempt (REQ-CONN-11). */
export interface TokenRequest {
  readonly reason: TokenReason;
}

/**
 * Gives the token for one connection attempt. An `AuthenticationError` that it throws is final: no
 * further attempt is made.
 */
export type TokenProvider = (request: TokenRequest) => string | Promise<string>;

/** Where a client logs; `console` fits. Messages are templates with their values behind them. */
export interface Logger {
  debug(message: string, ...values: unknown[]): void;
  warn(message: string, ...values: unknown[]): void;
  error(message: string, ...values: unknown[]): void;
}

/** Every option of a client. Times are milliseconds; 0 turns a limit off. */
export interface ClientOptions {
  /** Address of the server, `ws:` or `wss:`. Its query is kept (REQ-CONN-10). */
  readonly url: string;
  /** Token, or a function that is asked before every attempt (REQ-CONN-11). */
  readonly token?: string | TokenProvider | undefined;
  /**
   * Where the token travels: as `?token=` or as `Authorization: Bearer`, never both. A header
   * needs the `ws` package. @default 'query'
   */
  readonly tokenIn?: 'query' | 'header' | undefined;
  /** Further headers of the handshake; need the `ws` package. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** `Origin` of the handshake; needs the `ws` package. None by default; a browser sends its own. */
  readonly origin?: string | undefined;
  /** Further capability words for every session (REQ-CALL-07). */
  readonly supports?: readonly string[] | undefined;
  /** Connect at the first action instead of failing it (REQ-CONN-09). @default false */
  readonly lazy?: boolean | undefined;
  /** For one attempt, token provider and handshake included (REQ-CONN-04). @default 10_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** For the peer's close frame; 0 = do not wait (REQ-CONN-05). @default 5_000 */
  readonly closeTimeoutMs?: number | undefined;
  /** For the answer to a call or verb (REQ-CALL-02). @default 30_000 */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Silence that ends a turn; stands still while a human is asked (REQ-TURN-11).
   * @default 120_000
   */
  readonly turnIdleTimeoutMs?: number | undefined;
  /** What a turn may take in all (REQ-TURN-12). @default 0, which is off */
  readonly turnTimeoutMs?: number | undefined;
  /** For the answer to a question that has no expiry of its own (REQ-TURN-13). @default 330_000 */
  readonly questionTimeoutMs?: number | undefined;
  /** For the end of a cancelled turn; 0 = do not wait (REQ-STOP-02). @default 5_000 */
  readonly cancelTimeoutMs?: number | undefined;
  /**
   * For a turn that was suspended to hear anything new; 0 = without end (REQ-RESUME-09).
   * @default 60_000
   */
  readonly resumeTimeoutMs?: number | undefined;
  /** For the handler of a question (REQ-ASK-07). @default 0, which is off */
  readonly handlerTimeoutMs?: number | undefined;
  /** What answers questions in place of verbs (REQ-ASK-01). */
  readonly handlers?: Handlers | undefined;
  /** Send a message again when a handler has given its code (REQ-ASK-11). @default true */
  readonly resendAfterOtp?: boolean | undefined;
  /** Seek a new link when one is lost (REQ-CONN-30). @default true */
  readonly autoReconnect?: boolean | undefined;
  /** Seek on when the first attempt of `connect()` fails (REQ-CONN-04). @default false */
  readonly retryInitialConnect?: boolean | undefined;
  /**
   * Attempts in a row without a link before it is given up; 0 seeks none (REQ-CONN-36).
   * @default no limit
   */
  readonly maxReconnectAttempts?: number | undefined;
  /** Unit of the waits between attempts, at least 1 (REQ-CONN-31). @default 500 */
  readonly backoffBaseMs?: number | undefined;
  /** Longest wait before an attempt, at least 1 (REQ-CONN-31). @default 20_000 */
  readonly backoffMaxMs?: number | undefined;
  /** Time open after which attempts are counted anew (REQ-CONN-32). @default 10_000 */
  readonly stableAfterMs?: number | undefined;
  /**
   * Silence of the link after which the client asks whether it lives; 0 = never (REQ-CONN-38).
   * @default 25_000
   */
  readonly pingIntervalMs?: number | undefined;
  /** For the sign of life that was asked for; 0 = no limit (REQ-CONN-38). @default 10_000 */
  readonly pongTimeoutMs?: number | undefined;
  /** Actions that may wait for a link; more fail with `queue_full` (REQ-CONN-40). @default 64 */
  readonly queueLimit?: number | undefined;
  /**
   * What an action does while a lost link is sought: waits, or fails with `not_connected`
   * (REQ-CONN-40). @default 'wait'
   */
  readonly queuePolicy?: 'wait' | 'fail_fast' | undefined;
  /**
   * What a message does while another turn of its session runs: goes out all the same, or waits for
   * its outcome (REQ-TURN-31). @default 'parallel'
   */
  readonly turnPolicy?: 'parallel' | 'queue' | undefined;
  /** Largest message taken from the server, in bytes (REQ-WIRE-11). @default 16_777_216 */
  readonly maxMessageBytes?: number | undefined;
  /** PEM certificates trusted beside the platform's roots; needs the `ws` package (REQ-CONN-13). */
  readonly roots?: string | readonly string[] | undefined;
  /** Where the client logs; silent by default (REQ-LOG-01). */
  readonly logger?: Logger | undefined;
  /** Whether frames are logged with their text, at debug (REQ-LOG-01). @default false */
  readonly logPayloads?: boolean | undefined;
  /** Source of time (REQ-TIME-01). @default the platform's */
  readonly clock?: Clock | undefined;
  /**
   * Opens the socket of each attempt: tests, proxies and custom dialers give their own.
   * @default the `ws` package on Node where it is installed, else the platform's WebSocket
   */
  readonly opener?: Opener | undefined;
  /** Source of requestIds (REQ-CALL-01). @default `req-` and a UUIDv4 from `random` */
  readonly idGenerator?: (() => string) | undefined;
  /** Source of randomness: numbers from 0 up to 1. @default the platform's cryptographic source */
  readonly random?: (() => number) | undefined;
  /** Hooks for spans, counters and logs: attempts, calls, turns, first tokens, questions. */
  readonly observer?: Observer | undefined;
}

/** The options with every default filled in. */
export type Settings = {
  readonly [K in Exclude<keyof ClientOptions, Unset>]-?: NonNullable<ClientOptions[K]>;
} & Pick<ClientOptions, Unset> & {
    /** Host and port of the server, as the texts of errors show them. */
    readonly host: string;
  };

type Unset = 'maxReconnectAttempts' | 'token' | 'origin' | 'roots' | 'opener' | 'observer';

/** The options that are times, by their names in the specification. */
type TimeWord = Extract<
  keyof typeof DEFAULTS,
  `${string}Timeout` | `${string}Interval` | `${string}After` | `backoff${string}`
>;
const TIMES = Object.keys(DEFAULTS).filter((word) =>
  /(Timeout|Interval|After)$|^backoff/.test(word),
) as TimeWord[];

/** The options that are whole numbers, with their least value. */
const COUNTS = { maxMessageBytes: 1, maxReconnectAttempts: 0, queueLimit: 0 } as const;

/**
 * Every option that is no time, by its name, with its type where that is all there is to check; the
 * compiler holds it to `ClientOptions`.
 */
const KNOWN: {
  readonly [K in Exclude<keyof ClientOptions, Time>]-?: '' | 'boolean' | 'function';
} = {
  url: '',
  token: '',
  tokenIn: '',
  headers: '',
  origin: '',
  supports: '',
  lazy: 'boolean',
  handlers: '',
  resendAfterOtp: 'boolean',
  autoReconnect: 'boolean',
  retryInitialConnect: 'boolean',
  maxReconnectAttempts: '',
  queueLimit: '',
  queuePolicy: '',
  turnPolicy: '',
  maxMessageBytes: '',
  roots: '',
  logger: '',
  logPayloads: 'boolean',
  clock: '',
  opener: 'function',
  idGenerator: 'function',
  random: 'function',
  observer: '',
};

const quiet = (): void => {};
/** What a client without a logger logs to. */
export const SILENT: Logger = { debug: quiet, warn: quiet, error: quiet };

/**
 * Checks options and fills in their defaults (REQ-CONN-01).
 *
 * @throws {TypeError} a value has the wrong type, or the URL is not `ws:` or `wss:`.
 * @throws {RangeError} a time is negative or not finite, or a number is below its least value.
 */
export function settingsOf(options: ClientOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError("options: expected an object with a url, as in { url: 'wss://host/ws' }");
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, name) && !TIMES.some((word) => name === `${word}Ms`))
      throw new TypeError(`${name.slice(0, 64)}: no such option`);
  }
  if (options.url === undefined) throw new TypeError('options: url is missing');
  checkUrl(options.url);
  checkHeaders(options.headers);
  if (options.origin !== undefined) checkValue('origin', options.origin);
  checkKinds(options);
  const random = options.random ?? cryptoRandom;
  return {
    ...givenOrDefault(options),
    ...times(options),
    host: hostOf(options.url),
    headers: { ...options.headers },
    supports: [...(options.supports ?? [])],
    handlers: checkHandlers(options.handlers),
    logger: options.logger ?? SILENT,
    clock: options.clock ?? new SystemClock(),
    idGenerator: options.idGenerator ?? (() => requestId(random)),
    random,
  };
}

/** Returns every option that is no time, by its name: as given, else its default, which not every one has. */
function givenOrDefault(options: ClientOptions): Required<ClientOptions> & Settings {
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(KNOWN)) {
    found[name] = options[name as keyof ClientOptions] ?? DEFAULTS[name as keyof typeof DEFAULTS];
  }
  return found as never;
}

type Time = `${TimeWord}Ms`;

function times(options: ClientOptions): Record<Time, number> {
  const found: Record<string, number> = {};
  for (const word of TIMES) {
    const name: Time = `${word}Ms`;
    const value = options[name] ?? DEFAULTS[word];
    if (typeof value !== 'number') throw new TypeError(`${name}: expected milliseconds`);
    const least = word.startsWith('backoff') ? 1 : 0;
    if (!(value >= least && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${name}: expected a number of milliseconds, at least ${least}`);
    }
    found[name] = value;
  }
  return found as Record<Time, number>;
}

/** Options that are one of two words, the default first. */
const WORDS: Readonly<Record<'tokenIn' | 'queuePolicy' | 'turnPolicy', readonly string[]>> = {
  tokenIn: ['query', 'header'],
  queuePolicy: ['wait', 'fail_fast'],
  turnPolicy: ['parallel', 'queue'],
};
/** Options that are objects, with the methods that are called. */
const OBJECTS = { logger: ['debug', 'warn', 'error'], clock: ['now', 'wall', 'setTimer'] } as const;

function checkMethods(options: object, name: string, methods: readonly string[]): void {
  const value = (options as Record<string, unknown>)[name];
  if (value === undefined) return;
  const given = (value ?? {}) as Record<string, unknown>;
  for (const method of methods) {
    if (typeof given[method] !== 'function') {
      throw new TypeError(`${name}: expected an object with a method ${method}`);
    }
  }
}

function checkKinds(options: ClientOptions): void {
  const { token, tokenIn, supports } = options;
  for (const [name, least] of Object.entries(COUNTS)) {
    const value = options[name as keyof typeof COUNTS] ?? least;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name}: expected a whole number, at least ${least}`);
    }
  }
  for (const [name, words] of Object.entries(WORDS)) {
    const value = options[name as keyof typeof WORDS];
    if (value !== undefined && !words.includes(value))
      throw new TypeError(`${name}: expected '${words.join("' or '")}'`);
  }
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function') {
    throw new TypeError('token: expected a string or a function');
  }
  if (tokenIn === 'header' && typeof token === 'string') checkValue('token', token);
  if (
    supports !== undefined &&
    !(Array.isArray(supports) && supports.every((word) => typeof word === 'string'))
  ) {
    throw new TypeError('supports: expected a list of strings');
  }
  for (const [name, type] of Object.entries(KNOWN)) {
    const value = options[name as keyof typeof KNOWN];
    if (type && value !== undefined && typeof value !== type) {
      throw new TypeError(`${name}: expected a ${type}`);
    }
  }
  for (const [name, methods] of Object.entries(OBJECTS)) checkMethods(options, name, methods);
}

/** Returns one number of the random source; a source that breaks ends nothing (REQ-CONN-41). */
export function drawn({ random, logger }: Settings): number {
  try {
    const draw = random();
    if (draw >= 0 && draw < 1) return draw;
  } catch {
    // as one that gives what is no such number
  }
  logger.warn('random: expected a number from 0 up to 1');
  return 0.5;
}

function cryptoRandom(): number {
  const [bits = 0] = crypto.getRandomValues(new Uint32Array(1));
  return bits / 2 ** 32;
}

/** Returns `req-` and a lower-case hyphenated UUIDv4 (REQ-CALL-01). */
export function requestId(random: () => number): string {
  // Not crypto.randomUUID: browsers have it in secure contexts only.
  const bytes = Array.from({ length: 16 }, () => Math.floor(random() * 256));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `req-${parts.join('-')}-${hex.slice(20)}`;
}
