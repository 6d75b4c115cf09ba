// Testee for the TypeScript client: drives it by JSON lines, decides nothing (PROTOCOL.md).
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import * as sdk from '@smooai/smooth-operator';
import { VirtualClock } from '@smooai/smooth-operator/testing';
import {
  Aborted,
  askBody,
  type Body,
  errorBody,
  isConversation,
  itemBody,
  resultBody,
  valueBody,
  Watch,
} from './bodies';

// biome-ignore lint/suspicious/noExplicitAny: a command has the members that PROTOCOL.md says
type Command = Record<string, any>;

const FEATURES =
  'virtual_clock conversation paging text_stream tee hold leave abort tls headers tap census reconnect handlers policy replay codec';
const CANARIES = ['', 'drop-3rd-item', 'alter-text', 'drop-error-code'];
const OPTIONS = ['token', 'tokenIn', 'headers', 'origin', 'supports', 'lazy'];
const FIELDS = ['stream', 'model', 'skill', 'images', 'files', 'requestId'];
const TIMES = [
  'backoffBase',
  'backoffMax',
  'stableAfter',
  'pingInterval',
  'pongTimeout',
  'resumeTimeout',
  'handlerTimeout',
];
const VERBS = ['confirm_tool_action', 'verify_otp', 'submit_interaction', 'cancel'];

class Refused extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

let count = 0;
let protocol = 1;
let items = 0;
let canary = '';
let muted = false;
const clients = new Map<string, sdk.SmoothAgentClient>();
const chats = new Map<string, sdk.Conversation>();
const turns = new Map<string, sdk.Turn>();
const clocks = new Map<string, VirtualClock>();
const watches = new Map<string, Watch>();
const aborts = new Map<string, AbortController>();
const running = new Set<Promise<void>>();
/** Handlers that wait, by name, the one that waits longest first. */
const waiting = new Map<string, ((given: Command) => void)[]>();

function write(line: Body): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function event(ev: string, body: Body): void {
  if (ev === 'item') items += 1;
  if (muted || (canary === 'drop-3rd-item' && ev === 'item' && items === 3)) return;
  if (canary === 'alter-text' && ev === 'ended') body.text += '!';
  if (canary === 'drop-error-code') delete (body.error as Body | undefined)?.code;
  write({ ev, ...body, n: count++ });
}

function get<T>(table: ReadonlyMap<string, T>, name: string): T {
  const found = table.get(name);
  if (found !== undefined) return found;
  throw new Refused('unknown-handle', `${name} names nothing of that kind`);
}

const clientOf = (c: Command): sdk.SmoothAgentClient => get(clients, c.on);
const turnOf = (c: Command): sdk.Turn => get(turns, c.turn);

/** Runs beside the command loop; `abort` reaches it under the name. */
function beside(c: Command, work: (signal: AbortSignal) => Promise<void>): void {
  const abort = new AbortController();
  if (c.aborted) abort.abort(new Aborted());
  aborts.set(c.as, abort);
  const done = work(abort.signal).finally(() => running.delete(done));
  running.add(done);
}

/** Calls the SDK, awaits beside the command loop what it gave, and reports it. */
function issue(
  c: Command,
  begin: (signal: AbortSignal) => unknown,
  encode: (value: never) => unknown = valueBody,
): void {
  const { as } = c;
  beside(c, async (signal) => {
    try {
      const value = await begin(signal);
      if (isConversation(value)) chats.set(as, value);
      event('returned', { as, value: encode(value as never) });
    } catch (error) {
      event('returned', { as, error: errorBody(error, protocol) });
    }
  });
}

const handledBy = (turn: sdk.Turn, one: sdk.TurnItem): Body =>
  turn.handled(one) ? { handled: true } : {};

/** Reports the items of a turn, then its end; nothing after its iteration was left. */
function watch(c: Command, name: string, turn: sdk.Turn, watching?: Watch): void {
  if (watching) watches.set(name, watching);
  beside({ ...c, as: name }, async (signal) => {
    signal.addEventListener('abort', () => watching?.abort.abort(signal.reason));
    let end: Body;
    let raised: string | undefined;
    try {
      for await (const one of watching?.items() ?? []) {
        event('item', { turn: name, ...itemBody(one), ...handledBy(turn, one) });
      }
    } catch (error) {
      if (error instanceof sdk.SmoothAgentError) raised = error.kind;
    }
    if (watching?.left) return;
    try {
      end = resultBody(await turn.result({ signal }));
    } catch (cause) {
      const error = errorBody(cause, protocol);
      if (cause instanceof Aborted) return event('returned', { as: name, error });
      end = { outcome: 'failed', text: turn.partialText, error };
    }
    event('ended', { turn: name, ...end, raised });
  });
}

/** Makes a scripted handler: it gives one thing a call, the last one again and again. */
function scripted({ as, gives }: Command) {
  let calls = 0;
  return async (ask: sdk.Ask, signal: AbortSignal): Promise<never> => {
    event('called', { as, ...askBody(ask) });
    let given: Command = gives[Math.min(calls++, gives.length - 1)];
    if (given.wait) {
      given = await new Promise<Command>((resolve, reject) => {
        const queue = waiting.get(as) ?? [];
        waiting.set(as, [...queue, resolve]);
        signal.addEventListener('abort', () => {
          waiting.set(as, waiting.get(as)?.filter((one) => one !== resolve) ?? []);
          event('signalled', { as });
          reject(signal.reason);
        });
      });
    }
    if (given.raise) throw new Error('as the case says');
    return (given.nonsense ? 7 : (given.value ?? null)) as never;
  };
}

/** The scripted handlers of a command, as an option. */
function handlersOf(c: Command): { handlers?: sdk.Handlers } {
  if (!c.handlers) return {};
  const { interaction = {}, ...named } = c.handlers;
  const made = (told: Command) =>
    Object.fromEntries(Object.entries(told).map(([name, one]) => [name, scripted(one)]));
  return { handlers: { ...made(named), interaction: made(interaction) } };
}

function give(c: Command): void {
  const [first, ...others] = waiting.get(c.handler) ?? [];
  if (!first) throw new Refused('unknown-handle', `${c.handler} waits for nothing`);
  waiting.set(c.handler, others);
  first(c);
}

/** Gives the tokens of a case one by one, the last one again and again. */
function provider(on: string, tokens: (string | { fail: string })[]): sdk.TokenProvider {
  let asked = 0;
  return ({ reason }) => {
    event('asked', { on, reason });
    const given = tokens[Math.min(asked++, tokens.length - 1)];
    if (typeof given === 'string') return given;
    if (given?.fail === 'authentication') throw new sdk.AuthenticationError('nobody is logged in');
    if (given?.fail === 'error') throw new Error('no network');
    return 1 as unknown as string;
  };
}

function open(c: Command): void {
  const { as: on, url, timeouts = {}, limits, options = {}, random: numbers = [], tokens } = c;
  const random = (): number => numbers.shift() ?? 0.5;
  let drawn = 0;
  const idGenerator = (): string => c.ids[drawn++] ?? `req-auto-${drawn - c.ids.length}`;
  const given = OPTIONS.filter((key) => key in c).map((key) => [key, c[key]]);
  const times = Object.entries(timeouts).map(([key, ms]) => [`${key}TimeoutMs`, ms]);
  const more = Object.entries(options).map(([key, value]) => [
    TIMES.includes(key) ? `${key}Ms` : key,
    value,
  ]);
  if (tokens) more.push(['token', provider(on, tokens)]);
  const clock = c.clock === 'virtual' ? new VirtualClock() : undefined;
  if (clock) clocks.set(on, clock);
  const roots = c.ca && readFileSync(c.ca, 'utf8');
  issue(c, async (signal) => {
    const set = Object.fromEntries([...given, ...times, ...more]);
    const warn = (): void => event('warned', { on });
    const quiet = (): void => {};
    const logger = c.warnings ? { debug: quiet, warn, error: quiet } : undefined;
    const own = { url, idGenerator, random, clock, roots, logger, ...handlersOf(c) };
    const client = new sdk.SmoothAgentClient({ ...set, ...limits, ...own });
    clients.set(on, client);
    client.on('state', ({ previous: from, current: to, error, retryInMs, ...facts }) => {
      const cause = error && errorBody(error, protocol).kind;
      event('state', { on, from, to, ...facts, cause, retryInMs });
    });
    client.on('event', (one) => event('pushed', { on, ...itemBody(one) }));
    const tap = ({ direction, type, requestId }: sdk.FrameInfo): void =>
      event('frame', { on, direction, type, requestId });
    if (c.tap) client.on('frame', tap);
    if (c.connect ?? true) await client.connect({ signal });
  });
}

function call(c: Command): void {
  const client = clientOf(c) as unknown as Record<string, (...args: Body[]) => unknown>;
  if (!sdk.ACTION_NAMES.includes(c.op) || c.op === 'send_message') {
    throw new Refused('unknown-op', c.op);
  }
  const name = c.op.replace(/_([a-z])/g, (_: string, letter: string) => letter.toUpperCase());
  const { requestId, ...rest } = c.args ?? {};
  const params = VERBS.includes(c.op) ? [c.args] : c.op === 'ping' ? [] : [rest];
  issue(c, (signal) => client[name]?.(...params, { signal }));
}

function turn(c: Command): void {
  const fields = Object.fromEntries(FIELDS.filter((key) => key in c).map((key) => [key, c[key]]));
  const signal = c.aborted && AbortSignal.abort(new Aborted());
  const chat = c.via === 'conversation' ? get(chats, c.on) : undefined;
  const own = { signal, ...handlersOf(c) };
  const send = (): sdk.Turn =>
    chat?.send(c.message, { ...fields, ...own }) ??
    clientOf(c).sendMessage({ sessionId: c.session, message: c.message, ...fields }, own);
  try {
    const made = send();
    turns.set(c.as, made);
    if (signal) issue(c, () => made.result());
    else if (c.watch !== 'none') {
      watch(c, c.as, made, c.watch === 'result' ? undefined : new Watch(made));
    }
  } catch (error) {
    event('returned', { as: c.as, error: errorBody(error, protocol) });
  }
}

/** A turn that the testee has already goes on under its old name. */
function openturn(c: Command): void {
  const made = get(chats, c.on).openTurn();
  event('returned', { as: c.as, value: made ? { requestId: made.requestId } : null });
  if (!made) return;
  const known = [...turns].find(
    ([, { requestId, state }]) => requestId === made.requestId && state !== 'settled',
  );
  turns.set(c.as, known?.[1] ?? made);
  const watching = known && watches.get(known[0]);
  if (watching) watches.set(c.as, watching);
  if (known || c.watch === 'none') return;
  watch(c, c.as, made, c.watch === 'result' ? undefined : new Watch(made));
}

type Begin<T> = (of: T, c: Command, wait: sdk.WaitOptions) => unknown;

/** A command that calls one thing of a handle and reports what comes of it. */
const one =
  <T>(handle: (c: Command) => T) =>
  (begin: Begin<T>) =>
  (c: Command): void => {
    const of = handle(c);
    issue(c, (signal) => begin(of, c, { signal }));
  };
const client = one(clientOf);
const verb = one(turnOf);

function iterate(c: Command): void {
  const watching = new Watch(turnOf(c));
  watches.set(c.as, watching);
  issue(c, async (signal) => {
    signal.addEventListener('abort', () => watching.abort.abort(signal.reason));
    for await (const one of watching.items()) {
      event('item', { turn: c.turn, as: c.as, ...itemBody(one), ...handledBy(turnOf(c), one) });
    }
  });
}

function textstream(c: Command): void {
  const stream = turnOf(c).textStream;
  issue(c, async () => {
    for await (const piece of stream) event('text', { turn: c.turn, as: c.as, piece });
  });
}

function messages(c: Command): void {
  const pages = get(chats, c.on).messages({ limit: c.limit });
  issue(c, async () => {
    for (let left = c.take ?? Number.POSITIVE_INFINITY; left > 0; left -= 1) {
      const { done, value } = await pages.next();
      if (done) return;
      event('message', { as: c.as, data: value });
    }
  });
}

/** On a turn that nobody watches the first `take` opens the iterator. */
function opened(c: Command): Watch | undefined {
  if (c.count === undefined) return undefined;
  const watching = new Watch(turnOf(c), c.count);
  watch(c, c.turn, turnOf(c), watching);
  return watching;
}

function steer(move: (watching: Watch, c: Command) => void) {
  return (c: Command): void => {
    const watching = watches.get(c.as ?? c.turn) ?? opened(c);
    if (!watching) throw new Refused('unknown-handle', `${c.turn} is not iterated`);
    move(watching, c);
  };
}

function abort(c: Command): void {
  const found = aborts.get(c.as ?? c.turn);
  if (!found) throw new Refused('unknown-handle', `nothing waits for ${c.as ?? c.turn}`);
  found.abort(new Aborted());
}

/** Lets everything run that waits for nothing from outside. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function reset(): Promise<void> {
  const closing = Promise.all([...clients.values()].map((client) => client.close()));
  for (const clock of clocks.values()) await clock.advance(60_000);
  await closing;
  await settled();
  muted = true; // what is held or dropped reports nothing more
  for (const one of aborts.values()) one.abort(new Aborted());
  await Promise.all(running);
  muted = false;
  for (const table of [clients, chats, turns, clocks, watches, aborts, waiting]) table.clear();
}

function decode(c: Command): Body {
  try {
    return itemBody(sdk.decodeEvent(c.text));
  } catch (error) {
    if (!(error instanceof sdk.DecodeError)) return { malformed: true };
    return { problem: { type: error.type, ...error.problem } };
  }
}

const commands: Record<string, (c: Command) => unknown> = {
  hello: (c) => {
    canary = c.canary ?? '';
    protocol = Math.max(...c.protocol.filter((one: number) => one <= 2));
    if (protocol < 1 || !CANARIES.includes(canary)) {
      throw new Refused('bad-request', 'unknown protocol or canary');
    }
    const about = { name: 'smooth-operator', version: '0.1.0', language: 'typescript' };
    const features = Object.fromEntries(FEATURES.split(' ').map((word) => [word, true]));
    const more = { runtime: process.versions.node, spec: ['1.1'], clientsMax: 8, features };
    return { protocol, nonce: c.nonce, ...about, ...more };
  },
  open,
  connect: client((of, _, wait) => of.connect(wait)),
  close: client((of) => of.close()),
  call,
  start: client((of, c, wait) => of.startConversation(c.args, { ...wait, ...handlersOf(c) })),
  resume: client((of, c, wait) => of.resumeConversation(c.args, { ...wait, ...handlersOf(c) })),
  turn,
  openturn,
  give,
  confirm: verb((of, c, wait) => of.confirm(c.approved, wait)),
  otp: verb((of, c, wait) => of.verifyOtp(c.code, wait)),
  submit: verb((of, c, wait) => of.submit(c.values, wait)),
  decline: verb((of, c, wait) => of.decline(c.question, wait)),
  cancel: verb((of, _, wait) => of.cancel(wait)),
  iterate,
  textstream,
  await: (c) => {
    const of = turnOf(c);
    if (c.abandon) void of.result();
    else issue(c, (signal) => of.result({ signal }), resultBody);
  },
  messages,
  recover: verb((of, _, wait) => of.recover(wait)),
  counters: client((of) => of.counters),
  wake: (c) => clientOf(c).wake(),
  hold: steer((watching) => watching.hold(0)),
  take: steer((watching, c) => watching.hold(c.count)),
  drop: steer((watching) => watching.hold(0)),
  leave: steer((watching) => watching.leave()),
  detach: (c) => turnOf(c).detach(),
  abort,
  advance: (c) => clocks.get(c.on)?.advance(c.ms),
  sync: async (c) => {
    await settled();
    return { nonce: c.nonce };
  },
  census: () => ({
    clients: [...clients.values()].filter((one) => one.state !== 'idle' && one.state !== 'closed')
      .length,
    timers: [...clocks.values()].reduce((sum, clock) => sum + clock.timers, 0),
  }),
  dump: () => process.stderr.write(`${JSON.stringify(process.getActiveResourcesInfo())}\n`),
  reset,
  bye: reset,
  decode,
  encode: (c) => {
    if (!sdk.ACTION_NAMES.includes(c.op)) throw new Refused('unknown-op', c.op);
    return { text: sdk.encodeAction(sdk.makeAction(c.op as 'ping', c.args)) };
  },
  check: (c) => {
    const { malformed, problem } = decode(c) as {
      malformed?: true;
      problem?: Body;
    };
    const shown = decode(c).type;
    return shown ? { valid: true } : { valid: false, pointer: malformed ? '' : problem?.pointer };
  },
};

async function take(line: string): Promise<void> {
  const { id, cmd, ...c } = JSON.parse(line) as Command;
  try {
    const command = Object.hasOwn(commands, cmd) ? commands[cmd] : undefined;
    if (!command) throw new Refused('unknown-command', cmd);
    const made = await command(c);
    write({ id, ok: typeof made === 'object' && made !== null ? made : {} });
  } catch (error) {
    const kind = error instanceof Refused ? error.kind : 'internal';
    write({ id, fail: { kind, message: String(error) } });
  }
  if (cmd === 'bye') process.exit(0);
}

for (const fault of ['uncaughtException', 'unhandledRejection']) {
  process.on(fault, (error: unknown) => event('unhandled', { what: `${fault}: ${error}` }));
}
for await (const line of createInterface({ input: process.stdin })) await take(line);
await reset();
process.exit(0);
