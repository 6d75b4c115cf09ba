// What was said before this page was opened.
import type { ConversationMessage } from '@smooai/smooth-operator';
import { Talk } from './exchange';

/** Messages that are read of a conversation. */
const READ = 100;

/** What the history holds, the oldest first. */
export interface Told {
  readonly talks: readonly Talk[];
  /** What was asked by the turn that still runs; empty when it is not known. */
  readonly asked: string;
}

/** Reads the history. The turn that still runs tells its answer itself: it is left out. */
export async function toldBefore(
  newestFirst: AsyncIterable<ConversationMessage>,
  running: string | undefined,
): Promise<Told> {
  const messages: ConversationMessage[] = [];
  for await (const message of newestFirst) {
    messages.unshift(message);
    if (messages.length === READ) break;
  }
  const ended = messages.filter(({ requestId }) => !running || requestId !== running);
  const own = messages.find((one) => one.requestId === running && one.direction === 'inbound');
  return { talks: paired(ended), asked: own?.content.text ?? '' };
}

function paired(messages: readonly ConversationMessage[]): Talk[] {
  const talks: Talk[] = [];
  let asked: string | undefined;
  for (const { direction, content } of messages) {
    const text = content.text ?? '';
    if (direction === 'inbound') {
      if (asked !== undefined) talks.push(Talk.told(asked, undefined));
      asked = text;
    } else {
      talks.push(Talk.told(asked ?? '', text));
      asked = undefined;
    }
  }
  if (asked !== undefined) talks.push(Talk.told(asked, undefined));
  return talks;
}
