// A real server with its demonstration, a real browser, and a page in it that is read as people do.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Browser, CHROMIUM, type Page } from '../../../../typescript/tests/browser';
import { within } from '../../../../typescript/tests/peer';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
export const PROGRAM = `${ROOT}.venv/bin/smooth-operator-server`;
const LIMIT_MS = 60_000;
/** A folder for pictures of what the tests see; without it none are taken. */
const PICTURES = process.env.PLAYGROUND_PICTURES;

export { CHROMIUM };

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly scheme: 'light' | 'dark';
}

export const DESKTOP: Look = { width: 1360, height: 860, scheme: 'light' };
export const NIGHT: Look = { ...DESKTOP, scheme: 'dark' };
export const NARROW: Look = { width: 320, height: 640, scheme: 'dark' };
export const PHONE: Look = { width: 390, height: 844, scheme: 'light' };

/** The server with `--demo`, and what its page is found by. */
export class Served {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(
    flags: readonly string[],
    { port = 0, env = {} }: { port?: number; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Served> {
    if (!existsSync(PROGRAM)) throw new Error('no reference server: run `make setup-python`');
    const all = ['--port', String(port), '--log-level', 'error', ...flags];
    const child = spawn(PROGRAM, all, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const found = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('playground on ')) resolve(line.slice('playground on '.length));
      });
    });
    return new Served(await within('the address of the page', found, LIMIT_MS), child);
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill();
    await within('the end of the server', gone, LIMIT_MS);
  }
}

/** The page, by the words and roles that a person finds things by. */
export class Shown {
  constructor(readonly page: Page) {}

  /** Opens the page in a new tab; returns once something can be said. */
  static async open(browser: Browser, url: string, look: Look = DESKTOP): Promise<Shown> {
    const shown = await Shown.begun(browser, url, look);
    await shown.sees('Link open');
    return shown;
  }

  /** Opens the page in a new tab. */
  static async begun(browser: Browser, url: string, look: Look = DESKTOP): Promise<Shown> {
    const shown = new Shown(await browser.open());
    await shown.page.call('Network.enable');
    await shown.looks(look);
    await shown.page.show(url);
    return shown;
  }

  async looks({ width, height, scheme }: Look): Promise<void> {
    const mobile = width < 600;
    const size = { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile };
    await this.page.call('Emulation.setDeviceMetricsOverride', size);
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.page.call('Emulation.setEmulatedMedia', { features });
  }

  /** Waits until a text is shown. */
  async sees(text: string): Promise<void> {
    await this.page.until(`document.body?.innerText.includes(${JSON.stringify(text)})`);
  }

  /** Waits until the chat alone shows a text. */
  async reads(text: string): Promise<void> {
    await this.page.until(
      `document.querySelector(".chat")?.innerText.includes(${JSON.stringify(text)})`,
    );
  }

  /** Waits for a button that can be pressed, and presses it. */
  async presses(name: string): Promise<void> {
    await this.page.until(`!!${button(name)}`);
    await this.page.ask(`${button(name)}.click()`);
  }

  /** Writes into the field of a label. */
  async fills(label: string, text: string): Promise<void> {
    await this.page.until(`!!${field(label)}`);
    await this.page.ask(`${field(label)}.focus()`);
    await this.page.call('Input.insertText', { text });
  }

  async says(text: string): Promise<void> {
    await this.fills('Message', text);
    // A form in the chat may have a button of the same name.
    const send = `document.querySelector('.composer .first:not(:disabled)')`;
    await this.page.until(`!!${send}`);
    await this.page.ask(`${send}.click()`);
  }

  /** Presses a key where the focus is. */
  async key(key: string, code: number): Promise<void> {
    const text = key === 'Enter' ? '\r' : undefined;
    const what = { key, code: key, windowsVirtualKeyCode: code, text };
    await this.page.call('Input.dispatchKeyEvent', { type: 'keyDown', ...what });
    await this.page.call('Input.dispatchKeyEvent', { type: 'keyUp', ...what });
  }

  /** Waits for what no change of the document tells, such as the focus or a place: it is looked at anew each frame. */
  async becomes(expression: string): Promise<void> {
    await this.page.ask(`new Promise((resolve) => {
      const look = () => ((${expression}) ? resolve() : requestAnimationFrame(look));
      look();
    })`);
  }

  /** Chooses what a label names. */
  async ticks(label: string): Promise<void> {
    await this.page.until(`!!${field(label)}`);
    await this.page.ask(`${field(label)}.click()`);
  }

  /** The word that is lit of a machine. */
  lit(machine: string): Promise<string> {
    return this.page.ask(
      `[...document.querySelectorAll('.strips dt')].find((one) => one.textContent === '${machine}').nextSibling.querySelector('.unseen').textContent`,
    );
  }

  /** Answers with what screen readers were told last. */
  async isTold(text: string): Promise<void> {
    await this.page.until(
      `document.querySelector('[role=status]')?.textContent.includes(${JSON.stringify(text)})`,
    );
  }

  /** Name of what has the focus. */
  focused(): Promise<string> {
    return this.page.ask(`(() => {
      const one = document.activeElement;
      return one.labels?.[0]?.textContent ?? one.getAttribute('aria-label') ?? one.textContent;
    })()`);
  }

  /** Types of the frames that are listed, in their order. */
  types(): Promise<string[]> {
    return this.page.ask(
      `[...document.querySelectorAll('[data-row] .type')].map((cell) => cell.textContent)`,
    );
  }

  /** Name of the state that the drawing of the turn tells. */
  state(): Promise<string> {
    return this.page.ask(`${DRAWING}?.getAttribute('aria-label')`);
  }

  async turnIs(state: string): Promise<void> {
    await this.page.until(`${DRAWING}?.getAttribute('aria-label') === 'turn: ${state}'`);
  }

  /** Opens the first frame of a type. */
  async chooses(type: string): Promise<void> {
    const row = `[...document.querySelectorAll('[data-row]')].find((one) => one.querySelector('.type')?.textContent === '${type}')`;
    await this.page.ask(`${row}.click()`);
    await this.page.until(`document.querySelector('.detail h3')?.textContent === '${type}'`);
  }

  /** Settles when nothing fades or slides any more. */
  async isStill(): Promise<void> {
    await this.page.ask(STILL);
  }

  /** Keeps a picture for whoever wants to look. */
  async picture(name: string): Promise<void> {
    if (!PICTURES) return;
    await this.isStill();
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(`${PICTURES}/${name}.png`, await this.page.picture());
  }
}

const DRAWING = `document.querySelector('svg[role=img]')`;

const STILL = `Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
  .map((one) => one.finished.catch(() => {})))`;

function button(name: string): string {
  const isIt = `(one) => !one.disabled && one.textContent.trim().startsWith(${JSON.stringify(name)})`;
  return `[...document.querySelectorAll('button')].find(${isIt})`;
}

function field(label: string): string {
  const isIt = `(one) => one.textContent.trim().startsWith(${JSON.stringify(label)})`;
  return `[...document.querySelectorAll('label')].find(${isIt})?.control`;
}
