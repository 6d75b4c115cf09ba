import type { ConversationMessage, MessagePage } from './wire/index';
import { LIMITS } from './wire/options';

/** What became of the message of a turn, as far as anything proves it (REQ-TURN-30). */
export type Recovery =
  /** The agent has answered, with this message. */
  | { readonly status: 'answered'; readonly message: ConversationMessage }
  /**
   * `not_answered`: the turn is over without an answer. `not_delivered`: the server never had the
   * message, which may be sent again. `unknown`: nothing says, or the turn still runs.
   */
  | { readonly status: 'not_answered' | 'not_delivered' | 'unknown' };

const OVER: readonly (string | undefined)[] = ['completed', 'cancelled', 'failed'];

/**
 * Reads the history, newest first, until the message of a turn is found. `fetch` gets the cursor of
 * a page, undefined for the newest one; `tells`: the history names turns, so that silence counts.
 */
export async function recoveryOf(
  requestId: string,
  tells: boolean,
  fetch: (cursor: string | undefined) => PromiseLike<MessagePage>,
): Promise<Recovery> {
  let cursor: string | undefined;
  let answer: ConversationMessage | undefined;
  for (let pages = 0; pages < LIMITS.recoverPages; pages += 1) {
    const { messages, hasMore, nextCursor } = await fetch(cursor);
    for (const message of messages) {
      if (message.requestId !== requestId) continue;
      if (message.direction === 'inbound') return fateOf(message.turn, answer);
      answer ??= message;
    }
    cursor = nextCursor || undefined;
    if (!hasMore || cursor === undefined) {
      return { status: tells && !answer ? 'not_delivered' : 'unknown' };
    }
  }
  return { status: 'unknown' };
}

function fateOf(turn: string | undefined, message: ConversationMessage | undefined): Recovery {
  if (turn === 'completed' && message) return { status: 'answered', message };
  return { status: OVER.includes(turn) ? 'not_answered' : 'unknown' };
}
