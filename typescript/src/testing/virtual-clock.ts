import type { Clock, Timer } from '../clock';

interface Armed {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * A clock that moves only when it is told to (REQ-TIME-01). Give it to a client as `clock`, then
 * no wait but the handshake's needs real time.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #slept = 0;
  #order = 0;
  #armed: Armed[] = [];

  now(): number {
    return this.#now;
  }

  /** The virtual time and all that `sleep` added to it. */
  wall(): number {
    return this.#now + this.#slept;
  }

  /** Lets the machine sleep: the wall clock alone moves on, no timer is due (REQ-CONN-39). */
  sleep(ms: number): void {
    this.#slept += ms;
  }

  /** Timers that are armed and have not fired. */
  get timers(): number {
    return this.#armed.length;
  }

  setTimer(ms: number, fire: () => void): Timer {
    this.#order += 1;
    const armed = { due: this.#now + ms, order: this.#order, fire };
    this.#armed.push(armed);
    return {
      cancel: () => {
        this.#armed = this.#armed.filter((one) => one !== armed);
      },
    };
  }

  /**
   * Moves the clock by `ms` milliseconds. Timers that become due fire in the order of their times;
   * after each of them everything that it caused runs, writes to sockets included.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#armed = this.#armed.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.due);
      next.fire();
      await settled();
    }
    this.#now = until;
  }

  #next(until: number): Armed | undefined {
    return this.#armed
      .filter((one) => one.due <= until)
      .sort((a, b) => a.due - b.due || a.order - b.order)[0];
  }
}

/** Lets everything run that waits for nothing from outside. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
