import type { Line } from './cassette';
import { Refusal } from './checks';
import type { Frame } from './frames';
import type { Link } from './wires';

/** What followed one action of a recording. */
interface Part {
  readonly requestId: unknown;
  readonly answers: (Frame | number)[];
}

/** Gives a recording back: the nth action of a type is answered as the nth of that type was. */
export class Player {
  /** Actions that the cassette does not hold. */
  readonly unmatched: string[] = [];
  /** By link: what came before its first action. */
  readonly #greetings = new Map<number, (Frame | number)[]>();
  readonly #parts = new Map<string, Part[]>();
  /** Ids of this client, by the recorded ones. */
  readonly #ids = new Map<string, string>();

  constructor(lines: readonly Line[]) {
    const all: Part[] = [];
    let last: { readonly link: number; readonly part: Part } | undefined;
    for (const line of lines) {
      if (line.way === 'out') {
        const part: Part = { requestId: line.frame.requestId, answers: [] };
        const action = String(line.frame.action);
        this.#parts.set(action, [...(this.#parts.get(action) ?? []), part]);
        all.push(part);
        last = { link: line.link, part };
        continue;
      }
      const said = line.way === 'end' ? line.code : line.frame;
      const { requestId } = line.way === 'in' ? line.frame : {};
      const own =
        requestId === undefined
          ? undefined
          : [...all].reverse().find((part) => part.requestId === requestId);
      const part = own ?? (last?.link === line.link ? last.part : undefined);
      if (part) part.answers.push(said);
      else this.#greetings.set(line.link, [...(this.#greetings.get(line.link) ?? []), said]);
    }
  }

  /** Says what came on a link before its first action. */
  greet(link: Link): void {
    for (const said of this.#greetings.get(link.number) ?? []) this.#say(link, said);
  }

  /** Answers one action. @throws {Refusal} the cassette does not hold it. */
  answer(link: Link, frame: Frame): void {
    const action = String(frame.action);
    const part = this.#parts.get(action)?.shift();
    if (!part) {
      this.unmatched.push(action);
      throw new Refusal('VALIDATION_ERROR', 'the cassette does not hold this action');
    }
    if (typeof part.requestId === 'string' && typeof frame.requestId === 'string') {
      this.#ids.set(part.requestId, frame.requestId);
    }
    for (const said of part.answers) this.#say(link, said);
  }

  #say(link: Link, said: Frame | number): void {
    if (typeof said === 'number') link.end(said === 1005 ? 1006 : said);
    else link.send(this.#renamed(said) as Frame);
  }

  #renamed(value: unknown): unknown {
    if (typeof value === 'string') return this.#ids.get(value) ?? value;
    if (Array.isArray(value)) return value.map((item) => this.#renamed(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.#renamed(item)]),
    );
  }
}
