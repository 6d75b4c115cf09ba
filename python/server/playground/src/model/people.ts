// What other people in the conversation say and do, which no turn and no call of ours owns.
import type { ConversationMessage, MessageParty, ServerEvent } from '@smooai/smooth-operator';
import { Talk } from './exchange';

const CHANGES: Readonly<Record<string, string>> = {
  joined: 'joined',
  took_over: 'answers from now on',
  handed_back: 'left the answers to the agent again',
  left: 'left',
};

interface Told {
  readonly conversationId?: string;
  readonly message?: ConversationMessage;
  readonly participant?: MessageParty;
  readonly change?: string;
}

/** Returns what an event tells of a conversation; undefined when it tells nothing of it. */
export function heardOf(event: ServerEvent, conversationId: string | undefined): Talk | undefined {
  if (event.type !== 'immediate_response' || event.requestId !== undefined) return undefined;
  const { message, participant, change, ...told } = event.data as unknown as Told;
  if (told.conversationId !== conversationId) return undefined;
  if (message) return written(message);
  if (!participant || change === undefined) return undefined;
  return Talk.noted(`${nameOf(participant)} ${CHANGES[change] ?? change}`);
}

function written({ direction, content, from }: ConversationMessage): Talk {
  const text = content.text ?? '';
  return direction === 'inbound' ? Talk.told(text, undefined) : Talk.written(nameOf(from), text);
}

function nameOf(party: MessageParty | undefined): string {
  return party?.name || 'Somebody';
}
