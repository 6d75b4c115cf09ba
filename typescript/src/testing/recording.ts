import { type ClientOptions, SmoothAgentClient } from '../index';
import { cassetteText, type Line, withoutSecrets } from './cassette';
import { files } from './files';
import type { Frame } from './frames';

/** A client of a real server that keeps every frame of both ways. */
class Recorder extends SmoothAgentClient {
  readonly #path: string;
  readonly #lines: Line[] = [];
  #begun: number | undefined;
  #links = 0;
  #written: Promise<void> | undefined;

  constructor(options: ClientOptions, path: string) {
    super(options);
    this.#path = path;
    this.on('frame', (info) => this.#frame(info.direction, info.at, info.text), { text: true });
    this.on('state', ({ previous, current, code, reason }) => {
      if (current === 'open') this.#links += 1;
      // An end that this client brought about is none of the server's.
      if (previous === 'open' && reason !== 'close') this.#lines.push(this.#end(code));
    });
  }

  override async close(): Promise<void> {
    await super.close();
    this.#written ??= this.#write();
    await this.#written;
  }

  #end(code = 1006): Line {
    return { at: this.#lines.at(-1)?.at ?? 0, link: this.#links, way: 'end', code };
  }

  #frame(way: 'in' | 'out', at: number, text = ''): void {
    let frame: unknown;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // what is no JSON is no frame
    }
    this.#begun ??= at;
    const link = Math.max(this.#links, 1);
    const shown = withoutSecrets(frame as Frame);
    this.#lines.push({ at: Math.round(at - this.#begun), link, way, frame: shown });
  }

  async #write(): Promise<void> {
    const { writeFile, rename } = await files();
    const part = `${this.#path}.part`;
    await writeFile(part, cassetteText(this.#lines));
    await rename(part, this.#path);
  }
}

/**
 * Gives a client of a real server that writes every frame of both ways to a file when it closes,
 * whole or not at all; what is secret is `***` there. Needs files: Node, Deno or Bun.
 */
export function record(
  url: string,
  path: string,
  options: Omit<ClientOptions, 'url'> = {},
): SmoothAgentClient {
  return new Recorder({ ...options, url }, path);
}
