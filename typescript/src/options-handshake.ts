// What a handshake is made of, checked where the caller writes it. No text shows a value: it may
// be a secret (REQ-ERR-04).

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const BREAKS = /[\r\n\u0000]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const NOT_IN_URL = /[\u0000-\u0020\u007f-\u009f\\\s]/;
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a range
const BEYOND_ASCII = /[^\u0000-\u007f]+/g;

/** Names that belong to the handshake itself (REQ-CONN-20). */
const OURS = new Set([
  'host',
  'content-length',
  'connection',
  'upgrade',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
]);

/**
 * Checks the address of a server (REQ-CONN-01, REQ-CONN-19).
 *
 * @throws {TypeError} what is wrong with it, without showing it.
 */
export function checkUrl(url: unknown): asserts url is string {
  const fault = new TypeError('url: expected ws://host… or wss://host…');
  if (typeof url !== 'string') throw fault;
  const authority = /^wss?:\/\/([^/?#]+)/i.exec(url)?.[1];
  if (NOT_IN_URL.test(url) || HALF.test(url)) {
    throw new TypeError('url: a space, a control character, a backslash or half a character');
  }
  if (authority === undefined) throw fault;
  if (authority.includes('@')) throw new TypeError('url: a user name or password; use token');
  if (authority.search(BEYOND_ASCII) >= 0) throw new TypeError('url: a host that is not ASCII');
  try {
    new URL(url);
  } catch {
    throw fault;
  }
}

/**
 * Checks the headers of the handshake (REQ-CONN-20).
 *
 * @throws {TypeError} names the header, never its value.
 */
export function checkHeaders(headers: unknown): void {
  if (headers === undefined) return;
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('headers: expected an object of strings');
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name)) throw new TypeError('headers: a name that is no token of RFC 9110');
    const lower = name.toLowerCase();
    if (OURS.has(lower) || lower.startsWith('sec-websocket-')) {
      throw new TypeError(`headers: ${name} belongs to the handshake itself`);
    }
    checkValue(`headers: ${name}`, value);
  }
}

/**
 * Checks a value that travels in a header.
 *
 * @throws {TypeError} it is no string, or would end its line.
 */
export function checkValue(option: string, value: unknown): void {
  if (typeof value !== 'string') throw new TypeError(`${option}: expected a string`);
  if (BREAKS.test(value)) throw new TypeError(`${option}: a line break or NUL`);
}

/** Returns host and port of an address, as texts show them. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

/**
 * Returns the URL of an attempt: without fragment and, with a token, without the `token` pairs of
 * its query and with `token=` as last pair. All else is kept as written, but that letters beyond
 * ASCII are percent-encoded (REQ-CONN-10, REQ-CONN-19).
 */
export function address(url: string, token: string | undefined): string {
  const written = url.split('#', 1)[0] ?? '';
  const bare = written.replace(BEYOND_ASCII, (letters) => encodeURIComponent(letters));
  if (token === undefined) return bare;
  const mark = bare.indexOf('?');
  const path = mark < 0 ? bare : bare.slice(0, mark);
  const query = mark < 0 ? '' : bare.slice(mark + 1);
  const kept = query.split('&').filter((pair) => pair !== '' && pair.split('=', 1)[0] !== 'token');
  return `${path}?${[...kept, `token=${percentEncoded(token)}`].join('&')}`;
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
