// One turn's tokens in TypeScript: raw frames, the bare read loop, the client. One JSON line.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({
  options: {
    mode: { type: 'string' },
    url: { type: 'string' },
    events: { type: 'string', default: '1000' },
    reader: { type: 'string', default: 'now' },
    'late-ms': { type: 'string', default: '8000' },
    turns: { type: 'string', default: '1' },
    clients: { type: 'string', default: '1' },
    ping: { type: 'boolean', default: false },
    socket: { type: 'string', default: 'ws' },
  },
});
const AGENT = '00000000-0000-4000-8000-000000000001';
const LIMIT = 16 * 1024 * 1024;
const NOT_HERE = 3;
const PING_AFTER_MS = 50;
const events = Number(given.events);

if (given.socket === 'global' && typeof globalThis.WebSocket !== 'function') {
  console.error('this platform has no global WebSocket');
  process.exit(NOT_HERE);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A value in bytes of /proc/self/status. */
function memory(name) {
  const found = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found[1]) * 1024;
}

let started;
let cpu;
let before;
let firstToken;

function begin() {
  before = memory('VmRSS');
  cpu = process.cpuUsage();
  started = performance.now();
}

function tokenCame() {
  firstToken ??= Date.now() - Number(BigInt(process.env.BENCH_T0 ?? 0) / 1_000_000n);
}

function report(counted, chars, more = {}) {
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const line = {
    events: counted,
    chars,
    seconds,
    cpu_seconds: (user + system) / 1e6,
    rss_before_bytes: before,
    peak_rss_bytes: memory('VmHWM'),
    startup_ms: firstToken,
    ...more,
  };
  console.log(JSON.stringify(line));
}

function expectCount(found, expected) {
  if (found === expected) return;
  console.error(`${found} of ${expected} events`);
  process.exit(1);
}

// Bare and raw: the library alone

/** Opens a socket and gives every text message to `read`, as the library hands it out. */
async function plainSocket(read) {
  if (given.socket === 'global') {
    const socket = new WebSocket(given.url);
    socket.addEventListener('message', (event) => read(event.data));
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    return socket;
  }
  const { WebSocket: Socket } = await import('ws');
  const socket = new Socket(given.url, { perMessageDeflate: false, maxPayload: LIMIT });
  socket.on('message', (data) => read(data));
  await new Promise((resolve) => socket.on('open', resolve));
  return socket;
}

async function plain(parses) {
  let session;
  let counted = 0;
  let chars = 0;
  let pinged;
  let ping_ms;
  let done = () => {};
  const ended = new Promise((resolve) => {
    done = resolve;
  });
  let opened = () => {};
  const sendPing = () => {
    pinged = performance.now();
    socket.send(JSON.stringify({ action: 'ping', requestId: 'ping' }));
  };
  const event = (frame) => {
    if (frame.type === 'stream_token') {
      if (counted === 0) {
        tokenCame();
        if (given.ping) setTimeout(sendPing, PING_AFTER_MS);
      }
      counted += 1;
      chars += frame.token.length;
    } else if (frame.type === 'eventual_response') {
      done();
    } else if (frame.type === 'pong') {
      ping_ms = performance.now() - pinged;
    }
  };
  const unread = () => {
    counted += 1;
    if (counted === 2) tokenCame();
    if (counted === events + 2) done();
  };
  const socket = await plainSocket((data) => {
    if (!session) {
      session = JSON.parse(data).data;
      opened();
    } else if (parses) event(JSON.parse(data));
    else unread();
  });
  const create = { action: 'create_conversation_session', requestId: 'create', agentId: AGENT };
  await new Promise((resolve) => {
    opened = resolve;
    socket.send(JSON.stringify(create));
  });
  const { sessionId } = session;
  begin();
  const message = { action: 'send_message', requestId: 'turn', sessionId, message: `${events}` };
  socket.send(JSON.stringify(message));
  await ended;
  if (!parses) counted -= 2;
  expectCount(counted, events);
  while (given.ping && ping_ms === undefined) await sleep(1);
  report(counted, chars, { ping_ms });
  socket.close();
}

// The client

/** Reads one turn; `later` says when the iteration begins. */
async function readTurn(make, later) {
  const turn = make();
  let counted = 0;
  let chars = 0;
  if (given.reader !== 'never') {
    const from = await later();
    const token = (one) => {
      if (counted === 0) tokenCame();
      counted += one.merged ?? 1;
      chars += one.token.length;
    };
    for await (const one of turn) {
      if (one.type === 'stream_token') token(one);
    }
    const { text } = await turn.result();
    if (text.length !== chars) throw new Error(`${chars} of ${text.length} characters`);
    return { counted, chars, drained: performance.now() - from };
  }
  const { text } = await turn.result();
  return { counted: events, chars: text.length, drained: 0 };
}

async function client() {
  const { SmoothAgentClient, platformOpener } = await import('@smooai/smooth-operator');
  const options = { url: given.url, ...(given.socket === 'global' ? { opener: platformOpener } : {}) };
  const late = given.reader === 'late' ? Number(given['late-ms']) : 0;
  const clients = [];
  const makers = [];
  for (let n = 0; n < Number(given.clients); n += 1) {
    const one = new SmoothAgentClient(options);
    await one.connect();
    const { sessionId } = await one.createConversationSession({ agentId: AGENT });
    clients.push(one);
    for (let t = 0; t < Number(given.turns); t += 1) {
      makers.push(() => one.sendMessage({ sessionId, message: `${events}` }));
    }
  }
  let ping_ms;
  const sendPing = () =>
    setTimeout(async () => {
      const from = performance.now();
      await clients[0].ping();
      ping_ms = performance.now() - from;
    }, PING_AFTER_MS);
  begin();
  const later = async () => {
    if (late > 0) await sleep(late);
    return performance.now();
  };
  const watched = (make) => () => {
    const turn = make();
    const awaitFirst = async () => {
      const first = turn.events();
      await first.next();
      sendPing();
      await first.return();
    };
    if (given.ping) awaitFirst();
    return turn;
  };
  const read = await Promise.all(makers.map((make) => readTurn(watched(make), later)));
  const counted = read.reduce((sum, one) => sum + one.counted, 0);
  const chars = read.reduce((sum, one) => sum + one.chars, 0);
  expectCount(counted, events * makers.length);
  while (given.ping && ping_ms === undefined) await sleep(1);
  started += late;
  report(counted, chars, {
    copies: makers.length,
    ping_ms,
    drain_seconds: late > 0 ? Math.max(...read.map((one) => one.drained)) / 1000 : undefined,
  });
  await Promise.all(clients.map((one) => one.close()));
}

await (given.mode === 'client' ? client() : plain(given.mode === 'bare'));
process.exit(0);
