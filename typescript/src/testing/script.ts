// An agent out of a script file of `smooth-operator-server --script`: what its model says, in order
// over all turns, with the tools, documents and the one-time code around it.
import { isObject } from '../wire/repair';
import type { Citation } from '../wire/types';
import { answerOf, askApproval, askCode, askForm } from './asking';
import { toolCall, toolResult, type Frame } from './frames';
import { faultOfSpec, FORM_WORDS, type FormKind } from './forms';
import type { Agent } from './hall';
import { say } from './play';
import { checkScript, type Entry, type Script, type ScriptTool } from './script-file';
import type { Turn } from './turn';

const MAX_DESCRIPTION = 500;
const MAX_SNIPPET = 500;
const FORM_TOOLS: Readonly<Record<string, FormKind>> = {
  request_identity_intake: 'identity_intake',
  request_choices: 'choices',
};
const UNPROVEN = 'the person did not give the one-time code that this tool needs';
const LATER =
  'this tool needs a one-time code; the person is asked for it after your answer and sends the' +
  ' message again afterwards';

type Call = NonNullable<Entry['toolCall']>;

/** What a turn has gathered on its way. */
interface Gathered {
  readonly citations: Map<string, Citation>;
  readonly usage: { promptTokens: number; completionTokens: number; costUsd?: number };
  /** Whether a code is asked for behind the answer. */
  codeOf?: ScriptTool;
}

/** Plays a script; the place in it is shared by all turns. */
export class ScriptAgent implements Agent {
  readonly #script: Script;
  #next = 0;

  /** @throws {ScriptError} the document is no script. */
  constructor(document: unknown) {
    this.#script = checkScript(document);
  }

  async play(turn: Turn): Promise<void> {
    const gathered: Gathered = {
      citations: new Map(),
      usage: { promptTokens: 0, completionTokens: 0 },
    };
    this.#search(turn.message.text, gathered);
    for (;;) {
      const entry = this.#script.model[this.#next];
      if (!entry) {
        turn.fail('AGENT_ERROR', 'the script has no model entry left');
        return;
      }
      this.#next += 1;
      if (entry.delayMs) await turn.within(turn.hall.sleep(entry.delayMs));
      spend(entry, gathered);
      if (entry.error !== undefined) turn.fail('AGENT_ERROR', entry.error);
      if (entry.error !== undefined) return;
      for (const word of wordsOf(entry.reasoning)) say(turn, 'stream_reasoning', word);
      for (const word of wordsOf(entry.preamble)) say(turn, 'stream_preamble', word);
      if (entry.text !== undefined) {
        this.#finish(turn, entry.text, gathered);
        return;
      }
      if (entry.toolCall) await this.#call(turn, entry.toolCall, gathered);
    }
  }

  #finish(turn: Turn, text: string, { citations, usage, codeOf }: Gathered): void {
    for (const word of wordsOf(text)) say(turn, 'stream_token', word);
    if (codeOf) this.#askCode(turn, codeOf, {});
    turn.finish({ citations: [...citations.values()], usage });
  }

  async #call(turn: Turn, call: Call, gathered: Gathered): Promise<void> {
    const { name, arguments: args = {} } = call;
    const { requestId, hall } = turn;
    const callId = turn.extended ? { callId: hall.newId() } : {};
    const announce = (): void =>
      turn.emit(toolCall(requestId, hall.now(), { name, arguments: args as never, ...callId }));
    const report = (result: unknown, isError = false): void =>
      turn.emit(
        toolResult(requestId, hall.now(), { name, isError, result: result as never, ...callId }),
      );
    const tool = this.#script.tools.find((one) => one.name === name);
    const form = FORM_TOOLS[name];
    if (form) {
      report(await this.#interact(turn, form, args, announce));
    } else if (name === 'knowledge_search') {
      announce();
      report(this.#search(String(args.query ?? ''), gathered));
    } else if (!tool) {
      announce();
      report(`there is no tool ${name}`, true);
    } else {
      const refusal = await this.#pass(turn, tool, args, announce, gathered);
      report(refusal ?? tool.result ?? null, refusal !== undefined);
    }
  }

  /** Asks what has to be asked before a tool runs; returns why it may not run. */
  async #pass(
    turn: Turn,
    tool: ScriptTool,
    args: Frame,
    announce: () => void,
    gathered: Gathered,
  ): Promise<string | undefined> {
    const { confirmTools, otp } = this.#script;
    const needsYes = tool.confirm || confirmTools.some((part) => tool.name.includes(part));
    const needsCode = tool.auth === 'end_user' && !turn.session.verified;
    if (tool.auth === 'admin' || (needsCode && !otp)) {
      announce();
      return 'this tool may not be used here';
    }
    if (needsCode && !turn.session.supports.has('otp_park')) {
      gathered.codeOf = tool;
      announce();
      return LATER;
    }
    if (needsCode) {
      const asked = this.#askCode(turn, tool, args);
      if (!needsYes) announce();
      if ((await answerOf(turn, asked)) !== true) {
        if (needsYes) announce();
        return UNPROVEN;
      }
    }
    if (needsYes) {
      const asked = askApproval(turn, tool.name, described(tool, args));
      announce();
      const approved = (await answerOf(turn, asked)) === true;
      return approved ? undefined : 'the person did not approve this call';
    }
    if (!needsCode) announce();
    return undefined;
  }

  #askCode(turn: Turn, tool: ScriptTool, args: Frame) {
    const { code, attempts = 3, channel = 'email', sendFails } = this.#script.otp as OtpOf;
    const masked = sendFails ? undefined : maskedOf(turn.session.userEmail, channel);
    const description = described(tool, args);
    return askCode(turn, { toolId: tool.name, description, code, attempts, channel, masked });
  }

  async #interact(
    turn: Turn,
    kind: FormKind,
    { reason = '', ...asked }: Frame,
    announce: () => void,
  ): Promise<unknown> {
    const spec = kind === 'choices' ? choicesOf(asked) : fieldsOf(asked);
    const fault = faultOfSpec(kind, spec);
    if (fault || !turn.session.supports.has(FORM_WORDS[kind])) {
      announce();
      return fault
        ? `the form does not fit: ${fault}`
        : { mode: 'conversational', kind, spec, reason };
    }
    const question = askForm(turn, kind, spec, String(reason));
    announce();
    return answerOf(turn, question);
  }

  /** Finds documents that share a word with a query; they are cited. */
  #search(query: string, { citations }: Gathered): unknown {
    const words = keysOf(query);
    const found = this.#script.knowledge
      .map(({ source, content }) => {
        const has = keysOf(content);
        const hits = [...words].filter((word) => has.has(word)).length;
        return { source, text: content, score: words.size ? hits / words.size : 0 };
      })
      .filter(({ score }) => score > 0)
      .sort((left, right) => right.score - left.score);
    for (const { source, text, score } of found) {
      if (citations.has(source)) continue;
      const snippet = text.slice(0, MAX_SNIPPET);
      citations.set(source, { id: source, title: source, snippet, score });
    }
    return found.map(({ source, text }) => ({ source, text }));
  }
}

type OtpOf = NonNullable<Script['otp']>;

function keysOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []);
}

/** Cuts a text into words, each with the blanks behind it. */
function wordsOf(text = ''): string[] {
  return text.match(/\s*\S+\s*|\s+/g) ?? [];
}

function spend(entry: Entry, { usage }: Gathered): void {
  const counts = entry.text !== undefined || entry.toolCall !== undefined;
  if (!entry.usage && !counts) return;
  const { promptTokens = 10, completionTokens = 5, costUsd } = entry.usage ?? {};
  usage.promptTokens += promptTokens;
  usage.completionTokens += completionTokens;
  if (costUsd !== undefined) usage.costUsd = (usage.costUsd ?? 0) + costUsd;
}

function described({ name, description }: ScriptTool, args: Frame): string {
  const given = Object.keys(args).length > 0 ? ` ${JSON.stringify(args)}` : '';
  const text = `${description || `Run ${name}`}${given}`;
  return text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION - 1)}…`;
}

function maskedOf(address: string | undefined, channel: string): string {
  if (channel !== 'email' || !address) return 'nobody: no address is known';
  return `${address.slice(0, 1)}***${address.slice(address.indexOf('@'))}`;
}

/** Writes out the shorthand of a model: a bare word is a field that must be given. */
function fieldsOf({ fields = [] }: Frame): unknown {
  if (!Array.isArray(fields)) return { fields };
  const whole = fields.map((one) => (typeof one === 'string' ? { key: one, required: true } : one));
  return { fields: whole };
}

/** As above: a bare word is an option. */
function choicesOf({ questions = [] }: Frame): unknown {
  if (!Array.isArray(questions)) return { questions };
  const whole = questions.map((question) => {
    if (!isObject(question) || !Array.isArray(question.options)) return question;
    const options = question.options.map((one: unknown) =>
      typeof one === 'string' ? { label: one } : one,
    );
    return { ...question, options };
  });
  return { questions: whole };
}
