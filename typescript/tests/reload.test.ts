// A page that is loaded again, in a real browser, at the reference server: the page of the README.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConversationMessage, SmoothAgentClient } from '../src/index';
import { Browser, CHROMIUM, type Page } from './browser';
import { type Completion, Model } from './model';
import { within } from './peer';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PRINTED = 'ws://127.0.0.1:8787/ws';
const QUIET = ['--log-level', 'error'];
const LIMIT_MS = 60_000;
const ASKED = 'How long is your return window?';
const TOKENS = ['You ', 'have ', 'seventeen ', 'days, ', 'seventeen ', 'whole ', 'days.'];

const HTML = `<!doctype html><meta charset="utf-8"><title>A chat</title><body>
<script type="importmap">{"imports":{"@smooai/smooth-operator":"/dist/index.mjs"}}</script>
<script type="module" src="/page.mjs"></script>`;

/** The page of the README: what it is written as, for a browser, at a server. */
function pageScript(url: string): string {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8');
  const [, code = ''] = /<!-- page: reload -->\n```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(code).toContain(PRINTED);
  const module = ts.ModuleKind.ESNext;
  const compilerOptions = { module, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(code.replace(PRINTED, url), { compilerOptions }).outputText;
}

/** Serves the page, and the package as it is published. */
class Site {
  /** What is waited for before the page is given out. */
  before: (() => Promise<void>) | undefined;
  readonly #script: string;
  readonly #server: Server;

  constructor(script: string) {
    this.#script = script;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url === '/') {
      await this.before?.();
      response.writeHead(200, { 'content-type': 'text/html' }).end(HTML);
      return;
    }
    const module = /^\/dist\/[\w-]+\.mjs$/.test(url) ? readFileSync(`${ROOT}${url}`) : '';
    const found = url === '/page.mjs' ? this.#script : module;
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/javascript' }).end(found);
  }
}

interface Backend {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** The reference server on a database file, with the test's model behind it. */
async function serve(model: Model): Promise<Backend> {
  const program = `${ROOT}../.venv/bin/smooth-operator-server`;
  if (!existsSync(program)) throw new Error('no reference server: run `make setup-python`');
  const folder = mkdtempSync(`${tmpdir()}/smooth-operator-server-`);
  const env = {
    ...process.env,
    SMOOAI_GATEWAY_URL: model.url,
    SMOOTH_AGENT_CONFIRM_TOOLS: 'knowledge_search',
  };
  const child = spawn(program, [...QUIET, '--port', '0', '--db', `${folder}/chats.db`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const first = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  const line = await within('the address', first, LIMIT_MS);
  const stop = async (): Promise<void> => {
    child.kill();
    await within('the end of the server', gone, LIMIT_MS);
    rmSync(folder, { recursive: true });
  };
  return { url: line.replace('listening on ', '').trim(), stop };
}

// What the page shows: a text node for each piece, by paragraph.
const SHOWN = `[...document.querySelectorAll('p')].map((p) => [...p.childNodes].map((n) => n.data))`;
const SESSION = `sessionStorage.getItem('session')`;
const BUTTONS = `document.querySelectorAll('button').length`;
const isWith = (buttons: number): string => `${BUTTONS} === ${buttons}`;
/** The second paragraph is the answer. */
const isShown = (pieces: number): string =>
  `document.querySelectorAll('p')[1]?.childNodes.length === ${pieces}`;
const IS_OVER = `document.querySelector('p[title]')?.title === 'completed'`;

const missing = CHROMIUM ? '' : ' (not run: no chromium on PATH)';

describe.skipIf(!CHROMIUM)(`a page that is loaded again (REQ-RESUME-11)${missing}`, () => {
  let model: Model;
  let server: Backend;
  let site: Site;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    model = await Model.start();
    server = await serve(model);
    site = new Site(pageScript(server.url));
    await site.start();
    browser = await Browser.start(CHROMIUM ?? '');
  }, LIMIT_MS);

  afterAll(async () => {
    await browser.stop();
    site.stop();
    await server.stop();
    model.stop();
  }, LIMIT_MS);

  afterEach(async () => {
    site.before = undefined;
    await page.close();
  });

  /** Opens the page in a new tab and says something; returns what the model is asked for. */
  async function asked(): Promise<Completion> {
    model.count = 0;
    page = await browser.open();
    await page.show(site.url);
    await page.until(`document.querySelector('input')`);
    await page.ask(`{
      const input = document.querySelector('input');
      input.value = ${JSON.stringify(ASKED)};
      input.dispatchEvent(new Event('change'));
    }`);
    const answer = await model.asked();
    await page.until(isShown(0));
    return answer;
  }

  /** Says tokens, each once the page shows the one before: the server joins what comes at once. */
  async function tell(answer: Completion, from: number, to = TOKENS.length): Promise<void> {
    for (const [at, token] of [...TOKENS.entries()].slice(from, to)) {
      answer.say(token);
      await page.until(isShown(at + 1));
    }
  }

  /** Lets the model ask for a tool that needs a confirmation. */
  async function confirmation(): Promise<void> {
    (await asked()).call('knowledge_search', { query: 'returns' });
    await page.until(isWith(1));
  }

  /** Confirms; returns what the model is asked for then. */
  async function confirmed(): Promise<Completion> {
    await page.ask(`document.querySelector('button').click()`);
    const answer = await model.asked();
    await page.until(isWith(0));
    return answer;
  }

  /** The stored messages of a conversation, newest first. */
  async function stored(sessionId: string): Promise<readonly ConversationMessage[]> {
    const client = new SmoothAgentClient({ url: server.url, lazy: true });
    const chat = await client.resumeConversation({ sessionId });
    const found: ConversationMessage[] = [];
    for await (const message of chat.messages()) found.push(message);
    await client.close();
    return found;
  }

  /** Asks the server until the turn of a conversation has its outcome; bounded. */
  async function completed(sessionId: string): Promise<void> {
    const deadline = Date.now() + LIMIT_MS / 2;
    while ((await stored(sessionId))[1]?.turn !== 'completed') {
      if (Date.now() > deadline) throw new Error('the turn has no end');
    }
  }

  /** The turn ran once, with so many calls of the model, and is shown once. */
  async function expectOnce(calls: number, pieces: readonly string[] = TOKENS): Promise<void> {
    expect(await page.ask(SHOWN)).toEqual([[ASKED], pieces]);
    const [answer, question, ...others] = await stored(await page.ask(SESSION));
    expect(others).toEqual([]);
    expect(question).toMatchObject({ direction: 'inbound', turn: 'completed' });
    expect(answer).toMatchObject({ direction: 'outbound', requestId: question?.requestId });
    expect([question?.content.text, answer?.content.text]).toEqual([ASKED, TOKENS.join('')]);
    expect([model.count, await page.ask(BUTTONS), page.faults]).toEqual([calls, 0, []]);
  }

  it.each([0, 1, 4, TOKENS.length])(
    'in mid-stream, after %i tokens: shows the whole answer once',
    async (count) => {
      const answer = await asked();
      await tell(answer, 0, count);
      await page.reload();
      await page.until(isShown(count));
      await tell(answer, count);
      answer.end();
      await page.until(IS_OVER);
      await expectOnce(1);
    },
    LIMIT_MS,
  );

  it(
    'while the agent talks on: shows the whole answer once',
    async () => {
      const answer = await asked();
      await tell(answer, 0, 3);
      site.before = async () => answer.say(...TOKENS.slice(3, 5)); // to nobody
      await page.reload();
      await page.until(`${SHOWN}[1]?.join('') === ${JSON.stringify(TOKENS.slice(0, 5).join(''))}`);
      answer.say(...TOKENS.slice(5));
      answer.end();
      await page.until(IS_OVER);
      const pieces = await page.ask<string[][]>(SHOWN);
      expect(pieces[1]?.join('')).toBe(TOKENS.join(''));
      await expectOnce(1, pieces[1]);
    },
    LIMIT_MS,
  );

  it(
    'twice in a row in mid-stream: shows the whole answer once',
    async () => {
      const answer = await asked();
      await tell(answer, 0, 2);
      await page.reload();
      await page.until(isShown(2));
      await page.reload();
      await page.until(isShown(2));
      await tell(answer, 2, 5);
      await page.reload(); // again before the turn was taken up
      await page.reload();
      await page.until(isShown(5));
      await tell(answer, 5);
      answer.end();
      await page.until(IS_OVER);
      await expectOnce(1);
    },
    LIMIT_MS,
  );

  it(
    'when the turn has ended meanwhile: shows the answer of the history once',
    async () => {
      const answer = await asked();
      await tell(answer, 0, 3);
      const sessionId = await page.ask<string>(SESSION);
      site.before = () => {
        answer.say(...TOKENS.slice(3));
        answer.end();
        return completed(sessionId);
      };
      await page.reload();
      await page.until(`document.querySelector('input')`);
      await expectOnce(1, [TOKENS.join('')]);
    },
    LIMIT_MS,
  );

  it.each([1, 2])(
    'in an open confirmation, %i times: asks again, once, and the turn completes once',
    async (times) => {
      await confirmation();
      for (let time = 0; time < times; time += 1) {
        await page.reload();
        await page.until(isWith(1));
      }
      const answer = await confirmed();
      await tell(answer, 0);
      answer.end();
      await page.until(IS_OVER);
      await expectOnce(2);
    },
    LIMIT_MS,
  );

  it(
    'after a confirmation was answered: does not ask again',
    async () => {
      await confirmation();
      await page.reload();
      await page.until(isWith(1));
      const answer = await confirmed();
      await page.reload();
      await tell(answer, 0, 2);
      expect(await page.ask(BUTTONS)).toBe(0);
      await page.reload();
      await page.until(isShown(2));
      expect(await page.ask(BUTTONS)).toBe(0);
      await tell(answer, 2);
      answer.end();
      await page.until(IS_OVER);
      await expectOnce(2);
    },
    LIMIT_MS,
  );
});
