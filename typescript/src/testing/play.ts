import { answerOf, askApproval, askCode, askForm } from './asking';
import { chunk, piece } from './frames';
import { FORM_WORDS, type FormKind } from './forms';
import type { Asked } from './questions';
import { type ChunkFacts, type Step, TOOL } from './reply';
import type { Turn } from './turn';

/** Steps that are still to come, of the reply and of those that took its place. */
type Queue = Step[];

/** Plays the steps of a reply on a turn; ends with it, or leaves it open. */
export async function play(turn: Turn, steps: readonly Step[]): Promise<void> {
  const queue: Queue = [...steps];
  for (let step = queue.shift(); step; step = queue.shift()) {
    const going = act(turn, step, queue);
    if (going) await going;
  }
}

function act(turn: Turn, step: Step, queue: Queue): Promise<void> | undefined {
  switch (step.do) {
    case 'say':
      for (const word of step.words) say(turn, step.type, word);
      return undefined;
    case 'chunk':
      showChunk(turn, step.node, step.facts);
      return undefined;
    case 'malformed':
      turn.channel.link?.text(step.text);
      return undefined;
    case 'cut':
      turn.channel.link?.end(step.code);
      return undefined;
    case 'error':
      turn.fail(step.code, step.message);
      return undefined;
    case 'finish':
      turn.finish(step);
      return undefined;
    case 'delay':
      return turn.within(turn.hall.sleep(step.ms));
    default:
      return ask(turn, step, queue);
  }
}

/** Says one piece of text. */
export function say(turn: Turn, type: string, word: string): void {
  const isToken = type === 'stream_token';
  if (isToken) turn.text += word;
  if (isToken && !turn.wantsTokens) return;
  turn.emit(piece(type, turn.requestId, turn.hall.now(), word));
}

function showChunk(turn: Turn, node: string, { done, ...shown }: ChunkFacts): void {
  const raw = Object.keys(shown).length > 0 ? { ...shown } : undefined;
  turn.emit(chunk(turn.requestId, turn.hall.now(), node, raw, done));
}

type Question = Extract<Step, { readonly do: 'confirm' | 'otp' | 'interaction' }>;

async function ask(turn: Turn, step: Question, queue: Queue): Promise<void> {
  if (step.do === 'confirm') {
    const asked = askApproval(turn, step.toolId, step.description);
    if ((await outcome(turn, asked, queue)) === true || !step.rejected) return;
    queue.splice(0, queue.length, ...step.rejected.steps);
  } else if (step.do === 'otp') {
    await code(turn, step, queue);
  } else {
    const word = FORM_WORDS[step.kind as FormKind];
    if (!turn.session.supports.has(word)) {
      turn.fail('AGENT_ERROR', `interaction(${step.kind}) needs a client that supports ${word}`);
      return;
    }
    await outcome(turn, askForm(turn, step.kind, step.spec, step.reason), queue);
  }
}

async function code(
  turn: Turn,
  step: Extract<Question, { readonly do: 'otp' }>,
  queue: Queue,
): Promise<void> {
  const { session } = turn;
  const isParked = session.supports.has('otp_park');
  // In the other style the message comes again, and its code was given (REQ-OTP-03).
  if (!isParked && session.verified) return;
  const facts = { ...step, toolId: TOOL, description: 'Verify that it is you' };
  const asked = askCode(turn, facts);
  if (!isParked) turn.finish({});
  else if ((await outcome(turn, asked, queue)) !== true) {
    turn.fail('AGENT_ERROR', 'The code was not given.');
  }
}

/** Cuts the link where that is written directly behind a question, then waits for its end. */
function outcome(turn: Turn, asked: Asked, queue: Queue) {
  for (let next = queue[0]; next?.do === 'cut'; next = queue[0]) {
    queue.shift();
    turn.channel.link?.end(next.code);
  }
  return answerOf(turn, asked);
}
