import type { Settings } from './options';
import { CAPABILITIES } from './wire/codes';

/** Whether a lost link is sought again (REQ-CONN-30). */
export const seeks = ({ autoReconnect, maxReconnectAttempts }: Settings): boolean =>
  autoReconnect && maxReconnectAttempts !== 0;

/** Returns the capability words that every session of a client lists (REQ-CALL-07). */
export function impliedWords(settings: Settings): readonly string[] {
  const rows = CAPABILITIES.filter(
    ({ impliedBy, pending }) => pending === null && impliedBy.some((why) => holds(why, settings)),
  );
  return rows.map(({ word }) => word);
}

/** Whether a word is implied: `always`, or by an option that is on. */
function holds(why: string, settings: Settings): boolean {
  const name = why.replace('option ', '');
  // With no attempt at all it is off (REQ-RESUME-01).
  if (name === 'autoReconnect') return seeks(settings);
  return why === 'always' || Boolean(settings[name as keyof Settings]);
}
