// A value that views look at. Changes are told once a frame of the screen, however many they were.

type Listener = () => void;

/** In a page that nobody sees no frame is drawn; changes are told after this many ms all the same. */
const UNSEEN_MS = 100;

const changed = new Set<Cell<unknown>>();
let planned = false;

function tell(): void {
  if (!planned) return;
  planned = false;
  const cells = [...changed];
  changed.clear();
  const listeners = new Set(cells.flatMap((cell) => cell.listeners));
  for (const listener of listeners) listener();
}

function plan(cell: Cell<unknown>): void {
  changed.add(cell);
  if (planned) return;
  planned = true;
  requestAnimationFrame(tell);
  setTimeout(tell, UNSEEN_MS);
}

/** One value with those who want to hear of its changes. */
export class Cell<T> {
  #value: T;
  readonly #listeners = new Set<Listener>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Who hears of a change. */
  get listeners(): readonly Listener[] {
    return [...this.#listeners];
  }

  /** Puts another value in; the same one changes nothing. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    plan(this as Cell<unknown>);
  }

  /** Puts in what is made of the value. */
  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** Calls `listener` after changes; returns what stops it. */
  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
