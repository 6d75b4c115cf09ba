// A model behind an endpoint (chat completions, streamed): every word of it is said by the test.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Queue } from './peer';

/** How long a server may take to ask. */
const LIMIT_MS = 30_000;

/** One answer that the model was asked for. */
export class Completion {
  constructor(private readonly response: ServerResponse) {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  }

  /** Says tokens. */
  say(...tokens: readonly string[]): void {
    for (const content of tokens) this.#delta({ content }, null);
  }

  /** Ends the answer. */
  end(): void {
    this.#end('stop');
  }

  /** Calls a tool, which ends the answer. */
  call(name: string, parameters: object): void {
    const made = { name, arguments: JSON.stringify(parameters) };
    this.#delta(
      { tool_calls: [{ index: 0, id: 'call-1', type: 'function', function: made }] },
      null,
    );
    this.#end('tool_calls');
  }

  #end(reason: string): void {
    this.#delta({}, reason);
    this.#write({
      choices: [],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    });
    this.response.end('data: [DONE]\n\n');
  }

  #delta(delta: object, finish_reason: string | null): void {
    this.#write({ choices: [{ index: 0, delta, finish_reason }] });
  }

  #write(members: object): void {
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...members };
    this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}

/** The endpoint. */
export class Model {
  /** How often it was asked. */
  count = 0;
  readonly #asked = new Queue<Completion>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<Model> {
    const model = new Model();
    await new Promise<void>((resolve) => model.#server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  /** Where a server finds it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** Waits for the next answer that it is asked for. */
  asked(): Promise<Completion> {
    return this.#asked.take('a call of the model', LIMIT_MS);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.count += 1;
    request.resume().on('end', () => this.#asked.put(new Completion(response)));
  }
}
