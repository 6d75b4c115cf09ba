import type { FrameInfo, Listeners } from './listeners';
import { type Settings, SILENT } from './options';
import { ACTION_SECRETS, EVENT_SECRETS, withoutSecrets } from './wire/secrets';

const MAX_WARNED_WORDS = 1024;

/** Shows frames to the log and to the listeners (REQ-LOG-01, REQ-LOG-02). */
export class FrameTap {
  readonly #settings: Settings;
  readonly #listeners: Listeners;
  readonly #warned = new Set<string>();

  constructor(settings: Settings, listeners: Listeners) {
    this.#settings = settings;
    this.#listeners = listeners;
  }

  /** Whether anybody sees the frames that pass. */
  get wanted(): boolean {
    return this.#settings.logger !== SILENT || this.#listeners.has('frame');
  }

  /** Shows one frame; `text` is missing for one that is no text. */
  show(
    direction: FrameInfo['direction'],
    type: string | undefined,
    requestId: string | undefined,
    bytes: number,
    text: string | undefined,
  ): void {
    if (!this.wanted) return;
    const { logger, logPayloads, clock } = this.#settings;
    logger.debug('%s %s %s %d bytes', direction, type, requestId, bytes);
    if (logPayloads) logger.debug('%s %s', direction, text && masked(direction, type, text));
    if (!this.#listeners.has('frame')) return;
    this.#listeners.emit('frame', {
      direction,
      ...(type === undefined ? {} : { type }),
      ...(requestId === undefined ? {} : { requestId }),
      bytes,
      at: clock.now(),
      ...(text === undefined ? {} : { text }),
    });
  }

  /** Warns about the first of a key. A peer that invents keys cannot grow the set without end. */
  warnOnce(key: string, message: string, ...values: unknown[]): void {
    if (this.#warned.has(key) || this.#warned.size >= MAX_WARNED_WORDS) return;
    this.#warned.add(key);
    this.#settings.logger.warn(message, ...values);
  }
}

/** Returns a frame for the log: what the specification calls secret is masked (REQ-LOG-01). */
function masked(direction: 'in' | 'out', type: string | undefined, text: string): string {
  const secrets = direction === 'in' ? EVENT_SECRETS : ACTION_SECRETS;
  const places = Object.hasOwn(secrets, type ?? '') ? secrets[type ?? ''] : undefined;
  return places ? JSON.stringify(withoutSecrets(JSON.parse(text), places)) : text;
}

/** Returns how many bytes a text has on the wire. */
export function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
