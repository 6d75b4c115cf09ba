/** A timer that has been started. */
export interface Timer {
  /** Stops the timer; does nothing when it has fired. */
  cancel(): void;
}

/** Source of time (REQ-TIME-01). All times are milliseconds. */
export interface Clock {
  /** Time on a clock that never goes back; its origin does not matter. */
  now(): number;
  /** Calls `fire` once, `ms` milliseconds from now. */
  setTimer(ms: number, fire: () => void): Timer;
}

/** The platform's own time. Its timers keep no process alive. */
export class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  setTimer(ms: number, fire: () => void): Timer {
    const handle = setTimeout(fire, ms);
    // Browsers give a number, which has nothing to unref.
    (handle as { unref?: () => void }).unref?.();
    return { cancel: () => clearTimeout(handle) };
  }
}
