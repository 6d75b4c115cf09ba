/** What is used of a browser's `window` and `document`, where they exist. */
interface Target {
  readonly visibilityState?: string;
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** Words of the platform about the link. */
export type PlatformWord = 'online' | 'wake';

/**
 * Listens to a browser: there is a network again, or its page is looked at again (REQ-CONN-35,
 * REQ-CONN-39). Returns what takes the listeners away; other platforms say nothing.
 */
export function listenToPlatform(said: (word: PlatformWord) => void): () => void {
  const { window, document } = globalThis as { window?: Target; document?: Target };
  const online = (): void => said('online');
  const seen = (): void => {
    if (document?.visibilityState === 'visible') said('wake');
  };
  window?.addEventListener?.('online', online);
  document?.addEventListener?.('visibilitychange', seen);
  return () => {
    window?.removeEventListener?.('online', online);
    document?.removeEventListener?.('visibilitychange', seen);
  };
}
