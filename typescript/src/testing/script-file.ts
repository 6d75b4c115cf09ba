// The script file of `smooth-operator-server --script`: checked here, unknown keys refused.
import { isObject } from '../wire/repair';
import type { Usage } from '../wire/types';
import type { Frame } from './frames';
import { ScriptError } from './reply';

/** One step of the model. */
export interface Entry {
  readonly text?: string;
  readonly toolCall?: { readonly name: string; readonly arguments?: Frame };
  readonly reasoning?: string;
  readonly preamble?: string;
  readonly error?: string;
  readonly delayMs?: number;
  readonly usage?: Usage;
}

/** A tool with a fixed result. */
export interface ScriptTool {
  readonly name: string;
  readonly description?: string;
  readonly parameters?: Frame;
  readonly result?: unknown;
  readonly confirm?: boolean;
  readonly auth?: 'end_user' | 'admin';
}

/** A checked script. */
export interface Script {
  readonly model: readonly Entry[];
  readonly tools: readonly ScriptTool[];
  readonly confirmTools: readonly string[];
  readonly knowledge: readonly { readonly source: string; readonly content: string }[];
  readonly otp?: {
    readonly code: string;
    readonly attempts?: number;
    readonly channel?: 'email' | 'sms';
    readonly sendFails?: boolean;
  };
}

/** Says whether a value is right for its place. */
type Rule = (value: unknown, at: string) => void;

const text: Rule = (value, at) => need(typeof value === 'string', at);
const name: Rule = (value, at) => need(typeof value === 'string' && value !== '', at);
const flag: Rule = (value, at) => need(typeof value === 'boolean', at);
const free: Rule = () => {};
const tree: Rule = (value, at) => need(isObject(value), at);
const count =
  (least: number, most = Number.MAX_SAFE_INTEGER): Rule =>
  (value, at) =>
    need(Number.isInteger(value) && Number(value) >= least && Number(value) <= most, at);
const oneOf =
  (...words: string[]): Rule =>
  (value, at) =>
    need(words.includes(value as string), at);
const cost: Rule = (value, at) => need(typeof value === 'number' && value >= 0, at);
const list =
  (inner: Rule): Rule =>
  (value, at) => {
    need(Array.isArray(value), at);
    for (const [index, item] of (value as unknown[]).entries()) inner(item, `${at}/${index}`);
  };

/** An object with these members and no other; those that end in `!` are required. */
const object = (members: Readonly<Record<string, Rule>>): Rule => {
  const rules = new Map(
    Object.entries(members).map(([key, rule]) => [key.replace('!', ''), rule] as const),
  );
  const required = Object.keys(members).flatMap((key) =>
    key.endsWith('!') ? key.slice(0, -1) : [],
  );
  return (value, at) => {
    need(isObject(value), at);
    for (const [key, item] of Object.entries(value as Frame)) {
      const rule = rules.get(key);
      if (!rule) throw new ScriptError(`${at}/${key}: a script has no such key`);
      rule(item, `${at}/${key}`);
    }
    for (const key of required) {
      if (!Object.hasOwn(value as Frame, key)) throw new ScriptError(`${at}/${key} is missing`);
    }
  };
};

function need(holds: boolean, at: string): void {
  if (!holds) throw new ScriptError(`${at || 'the script'} is not allowed`);
}

const ENTRY_KINDS = ['text', 'toolCall', 'reasoning', 'preamble', 'error'];
const entryMembers = object({
  text,
  toolCall: object({ 'name!': name, arguments: tree }),
  reasoning: text,
  preamble: text,
  error: text,
  delayMs: count(0, 3_600_000),
  usage: object({ promptTokens: count(0), completionTokens: count(0), costUsd: cost }),
});

const entry: Rule = (value, at) => {
  entryMembers(value, at);
  const kinds = ENTRY_KINDS.filter((kind) => Object.hasOwn(value as Frame, kind));
  const pauses = kinds.length === 0 && Object.hasOwn(value as Frame, 'delayMs');
  if (kinds.length !== 1 && !pauses) {
    throw new ScriptError(`${at}: expected exactly one of ${ENTRY_KINDS.join(', ')}`);
  }
};

const script = object({
  'model!': list(entry),
  tools: list(
    object({
      'name!': name,
      description: text,
      parameters: tree,
      result: free,
      confirm: flag,
      auth: oneOf('end_user', 'admin'),
    }),
  ),
  confirmTools: list(name),
  knowledge: list(object({ 'source!': name, 'content!': text })),
  otp: object({
    'code!': name,
    attempts: count(1),
    channel: oneOf('email', 'sms'),
    sendFails: flag,
  }),
});

/**
 * Returns a checked script.
 *
 * @throws {ScriptError} names the JSON Pointer of the first fault.
 */
export function checkScript(document: unknown): Script {
  script(document, '');
  const { tools = [], confirmTools = [], knowledge = [], ...rest } = document as Partial<Script>;
  const names = tools.map((tool) => tool.name);
  const twice = names.findIndex((one, at) => names.indexOf(one) < at);
  if (twice >= 0) throw new ScriptError(`/tools/${twice}/name is defined twice`);
  return { ...(rest as Pick<Script, 'model'>), tools, confirmTools, knowledge };
}
