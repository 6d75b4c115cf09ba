import type { Agent } from './hall';
import { play } from './play';
import { Reply } from './reply';
import type { Turn } from './turn';

/** Which messages a reply is for: a text that is in them, a pattern, a function, or every one. */
export type Matcher = string | RegExp | ((message: string) => boolean) | undefined;

/** Answers with the first reply that fits and is not used up. */
export class Replies implements Agent {
  /** Messages that no reply fitted. */
  readonly unmatched: string[] = [];
  readonly #replies: { readonly matcher: Matcher; readonly reply: Reply }[] = [];
  readonly #used = new Set<Reply>();

  add(matcher: Matcher): Reply {
    const reply = new Reply();
    this.#replies.push({ matcher, reply });
    return reply;
  }

  async play(turn: Turn): Promise<void> {
    const { text } = turn.message;
    const found = this.#replies.find(
      ({ matcher, reply }) => !this.#used.has(reply) && fits(matcher, text),
    );
    if (!found) {
      this.unmatched.push(text);
      turn.fail('AGENT_ERROR', 'No reply fits the message.');
      return;
    }
    if (found.reply.isOnce) this.#used.add(found.reply);
    await play(turn, found.reply.steps);
  }
}

function fits(matcher: Matcher, message: string): boolean {
  if (matcher === undefined) return true;
  if (typeof matcher === 'function') return matcher(message);
  if (typeof matcher === 'string') return message.includes(matcher);
  // A pattern that remembers its place finds every message from its beginning.
  return new RegExp(matcher.source, matcher.flags.replace(/[gy]/g, '')).test(message);
}
