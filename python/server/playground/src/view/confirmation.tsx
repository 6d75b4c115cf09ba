import type { Question } from '@smooai/smooth-operator';
import { type AnswerProps, Asked } from './question';

/** Yes or no to a tool that changes something. */
export function Confirmation({
  question: { event },
  talk,
  answer,
  isBusy,
}: AnswerProps<Question<'confirmation'>>) {
  const give = (approved: boolean): void => answer(() => talk.confirm(approved));
  return (
    <Asked title="May it do this?" text={event.actionDescription}>
      <p class="mono faint">{event.toolId}</p>
      <div class="answers">
        <button type="button" class="first" disabled={isBusy} onClick={() => give(true)}>
          Approve
        </button>
        <button type="button" class="second" disabled={isBusy} onClick={() => give(false)}>
          Deny
        </button>
      </div>
    </Asked>
  );
}
