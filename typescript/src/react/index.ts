// A hook for React: one conversation on a page. React itself is an optional peer of the package.
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { Conversation, SendOptions } from '../index';
import { type ConversationView, Follower } from './follower';

export type { Answers, ConversationView, OpenQuestion } from './follower';

/** What `useConversation` gives: what to show, and what to do. */
export interface UsedConversation extends ConversationView {
  /** Says something; a message that is sent while a turn runs is refused by the server. */
  send(message: string, options?: SendOptions): void;
  /** Stops the turn that runs; does nothing without one. */
  cancel(): void;
}

const NOBODY = new Follower(undefined);

/**
 * Shows one conversation: the turn that runs or was last, its text as it streams, the question that
 * is open, and what became of it. Undefined shows an idle one until the conversation is there.
 *
 * A component that goes away stops nothing: its turn runs on, and `cancel` ends one. On a server it
 * renders as idle.
 *
 * @example
 * const { text, question, send, state } = useConversation(chat);
 * if (question?.kind === 'confirmation') question.answer(true);
 */
export function useConversation(conversation: Conversation | undefined): UsedConversation {
  const follower = useMemo(() => new Follower(conversation), [conversation]);
  const view = useSyncExternalStore(follower.subscribe, follower.view, NOBODY.view);
  const send = useCallback(
    (message: string, options?: SendOptions) => follower.send(message, options),
    [follower],
  );
  const cancel = useCallback(() => follower.cancel(), [follower]);
  return useMemo(() => ({ ...view, send, cancel }), [view, send, cancel]);
}
