// What the server tells its page.

/** One thing to say, and what it shows. */
export interface Example {
  readonly message: string;
  readonly shows: string;
}

export interface AgentChoice {
  readonly id: string;
  readonly name: string;
}

export interface Config {
  readonly version: string;
  /** Whether sockets need a token. */
  readonly needsToken: boolean;
  /** Whom one can talk to; empty where any id will do. */
  readonly agents: readonly AgentChoice[];
  /** Whom the demonstration takes one for. */
  readonly person: { readonly userName?: string; readonly userEmail?: string };
  /** What shows something of the server; empty where a model answers. */
  readonly examples: readonly Example[];
}

/**
 * Asks the server, below the address of the page.
 *
 * @throws {Error} the server does not answer, or not with this.
 */
export async function readConfig(): Promise<Config> {
  const answer = await fetch(new URL('playground/config.json', document.baseURI));
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()) as Config;
}

/** Returns the address of the socket, beside that of the page. */
export function socketUrl(): string {
  const url = new URL('ws', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = url.hash = '';
  return url.href;
}
