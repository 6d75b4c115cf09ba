// A headless Chromium whose pages are opened, loaded again and asked by the browser's own protocol.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { within } from './peer';

/** How long a page may take to say that something is so. */
const LIMIT_MS = 30_000;
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
  '--no-proxy-server',
  '--remote-debugging-port=0',
];

/** The browser of this machine; without one its tests are not run. */
export const CHROMIUM = ['chromium', 'chromium-browser']
  .flatMap((name) => (process.env.PATH ?? '').split(':').map((folder) => `${folder}/${name}`))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

interface Said {
  readonly id?: number;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the protocol of the browser has no types here
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly result?: any;
  readonly error?: { readonly message: string };
}

/** One link to the browser, or to a page of it. */
class Wire {
  readonly #socket: WebSocket;
  readonly #heard = new Set<(said: Said) => void>();
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const said: Said = JSON.parse(String(data));
      for (const listener of [...this.#heard]) listener(said);
    });
  }

  static async open(url: string): Promise<Wire> {
    const socket = new WebSocket(url);
    await within('the browser', new Promise((resolve) => socket.once('open', resolve)), LIMIT_MS);
    return new Wire(socket);
  }

  /** Calls `listener` with all that is said from now on; returns what stops it. */
  listen(listener: (said: Said) => void): () => void {
    this.#heard.add(listener);
    return () => this.#heard.delete(listener);
  }

  /** Waits for the next thing of a kind. */
  next(what: string, wanted: (said: Said) => boolean): Promise<Said> {
    const found = new Promise<Said>((resolve) => {
      const stop = this.listen((said) => {
        if (!wanted(said)) return;
        stop();
        resolve(said);
      });
    });
    return within(what, found, LIMIT_MS);
  }

  async call(method: string, params: object = {}): Promise<Said['result']> {
    this.#id += 1;
    const id = this.#id;
    const answer = this.next(method, (said) => said.id === id);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  close(): void {
    this.#socket.close();
  }
}

/** One page, with a session storage of its own. */
export class Page {
  /** What the page threw, or logged as an error. */
  readonly faults: string[] = [];
  /** What the page asked of servers, once its network is watched (`Network.enable`). */
  readonly asked: string[] = [];

  constructor(
    private readonly wire: Wire,
    readonly close: () => Promise<void>,
  ) {
    wire.listen(({ method, params }) => {
      if (method === 'Runtime.exceptionThrown') {
        const { text, exception } = params.exceptionDetails;
        this.faults.push(exception?.description ?? text);
      }
      if (method === 'Runtime.consoleAPICalled' && params.type === 'error') {
        this.faults.push(params.args.map((arg: { value: unknown }) => arg.value).join(' '));
      }
      if (method === 'Network.requestWillBeSent') this.asked.push(params.request.url);
      if (method === 'Network.webSocketCreated') this.asked.push(params.url);
    });
  }

  /** Gives the page a command of the browser's protocol; returns what comes of it. */
  call(method: string, params: object = {}): Promise<Said['result']> {
    return this.wire.call(method, params);
  }

  /** Opens an address; returns when its document is there. */
  async show(url: string): Promise<void> {
    await this.#navigated(this.wire.call('Page.navigate', { url }));
  }

  /** Lets the page load itself again; returns when the new document is there. */
  async reload(): Promise<void> {
    await this.#navigated(this.ask('location.reload()'));
  }

  /** Returns what an expression of the page is, awaited. */
  async ask<T>(expression: string): Promise<T> {
    const how = { returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.wire.call('Runtime.evaluate', {
      expression,
      ...how,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until an expression is true; it is looked at whenever the document changes. */
  async until(expression: string): Promise<void> {
    const all = '{ subtree: true, childList: true, characterData: true, attributes: true }';
    const found = this.ask(`new Promise((resolve) => {
      const look = () => {
        if (!(${expression})) return;
        observer.disconnect();
        resolve();
      };
      const observer = new MutationObserver(look);
      observer.observe(document, ${all});
      look();
    })`);
    await found.catch(async (reason) => {
      const shown = await this.ask('document.documentElement.outerHTML');
      throw new Error(`never: ${expression}\n${shown}\n${this.faults.join('\n')}`, {
        cause: reason,
      });
    });
  }

  async picture(): Promise<Buffer> {
    return Buffer.from((await this.wire.call('Page.captureScreenshot')).data, 'base64');
  }

  async #navigated(begun: Promise<unknown>): Promise<void> {
    const shown = this.wire.next('a document', ({ method }) => method === 'Page.frameNavigated');
    await Promise.all([begun, shown]);
  }
}

/** A browser with an empty profile. */
export class Browser {
  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
    private readonly place: string,
    private readonly wire: Wire,
  ) {}

  static async start(program: string): Promise<Browser> {
    const profile = mkdtempSync(`${tmpdir()}/smooth-operator-browser-`);
    const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const address = new Promise<string>((resolve) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        const [, url] = /DevTools listening on (\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
    });
    const root = await within('the browser', address, LIMIT_MS);
    const [place = ''] = root.split('/devtools/');
    return new Browser(child, profile, place, await Wire.open(root));
  }

  async open(): Promise<Page> {
    const { targetId } = await this.wire.call('Target.createTarget', { url: 'about:blank' });
    const wire = await Wire.open(`${this.place}/devtools/page/${targetId}`);
    await wire.call('Page.enable');
    await wire.call('Runtime.enable');
    return new Page(wire, async () => {
      wire.close();
      await this.wire.call('Target.closeTarget', { targetId });
    });
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    await this.wire.call('Browser.close');
    await within('the end of the browser', gone, LIMIT_MS);
    this.wire.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
