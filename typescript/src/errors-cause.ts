// What other people's errors may show. They are kept as causes (REQ-ERR-08), unless they hold what
// is secret (REQ-CONN-21).

/** Credentials as they are usually written, whoever wrote them. */
const CREDENTIALS = /bearer\s+\S|[?&](?:access_)?token=|\beyJ[\w-]+\.[\w-]+|authorization/i;
/** How deep an error is looked through: an error of a library may hold the whole request. */
const DEPTH = 6;

/** Returns the cause, or an error with its name alone when it holds one of the secrets. */
export function scrubbed(cause: unknown, secrets: readonly string[]): unknown {
  const known = secrets.filter((secret) => secret !== '');
  const shows = (text: string): boolean =>
    CREDENTIALS.test(text) || known.some((secret) => text.includes(secret));
  if (!holds(cause, shows, DEPTH, new Set())) return cause;
  const name = cause instanceof Error ? cause.name : typeof cause;
  const bare = new Error(`${name} (its text is left out: it holds what is secret)`);
  // The stack would show the line that made this error and nothing of the cause.
  bare.stack = `${bare.name}: ${bare.message}`;
  return bare;
}

function holds(
  value: unknown,
  shows: (text: string) => boolean,
  depth: number,
  seen: Set<unknown>,
): boolean {
  if (typeof value === 'string') return shows(value);
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  // What lies deeper is not known to be clean.
  if (depth === 0) return true;
  seen.add(value);
  return Reflect.ownKeys(value).some((key) => {
    if (typeof key === 'string' && shows(key)) return true;
    const { value: inner } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    return holds(inner, shows, depth - 1, seen);
  });
}
