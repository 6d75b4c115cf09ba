/** A timer that has been started. */
export interface Timer {
  /** Stops the timer; does nothing when it has fired. */
  cancel(): void;
}

/** Source of time (REQ-TIME-01). All times are milliseconds. */
export interface Clock {
  /** Time on a clock that never goes back; its origin does not matter. */
  now(): number;
  /**
   * Time of day, which goes on while the machine sleeps; compared with `now` and used for nothing
   * else (REQ-CONN-39).
   */
  wall(): number;
  /** Calls `fire` once, `ms` milliseconds from now. */
  setTimer(ms: number, fire: () => void): Timer;
}

/** The platform's own time. Its timers keep no process alive. */
export class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  setTimer(ms: number, fire: () => void): Timer {
    const handle = setTimeout(fire, ms);
    // Browsers give a number, which has nothing to unref.
    (handle as { unref?: () => void }).unref?.();
    return { cancel: () => clearTimeout(handle) };
  }
}

/** A timer that fires later than this found a process that stood still. */
const LATE_MS = 10;

/** Starts a limit: one that is late first lets the socket be read once (REQ-TIME-02). */
export function startLimit(clock: Clock, ms: number, fire: () => void): Timer {
  const due = clock.now() + ms;
  let over = false;
  const timer = clock.setTimer(ms, () => {
    if (clock.now() - due <= LATE_MS) fire();
    else afterReading(() => over || fire());
  });
  return {
    cancel: () => {
      over = true;
      timer.cancel();
    },
  };
}

interface Node {
  readonly setImmediate?: (call: () => void) => unknown;
}

/** Calls once what lies in the sockets has been read. */
function afterReading(call: () => void): void {
  const { setImmediate } = globalThis as Node;
  // Node fires timers before it reads and immediates after; a reader may pass it on in one more.
  if (setImmediate) setImmediate(() => setImmediate(call));
  else setTimeout(call, 0);
}
