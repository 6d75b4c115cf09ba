import { errorOfKind } from './errors';
import type { ConversationMessage, MessagePage } from './wire/index';

/**
 * Yields the messages of all pages, newest first; a page is asked for when its first message is
 * (REQ-HIST-01). `fetch` gets the cursor of a page, undefined for the newest one.
 *
 * @throws {UnexpectedEventError} a cursor came twice (REQ-HIST-02).
 */
export async function* messagesOf(
  fetch: (cursor: string | undefined) => PromiseLike<MessagePage>,
): AsyncGenerator<ConversationMessage, void, undefined> {
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (;;) {
    const page = await fetch(cursor);
    yield* page.messages;
    cursor = page.nextCursor || undefined;
    if (!page.hasMore || cursor === undefined) return;
    if (seen.has(cursor)) {
      throw errorOfKind('unexpected_event', { reason: 'a cursor came twice' });
    }
    seen.add(cursor);
  }
}
