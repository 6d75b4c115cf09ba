import type { OtpCheck, Question } from '@smooai/smooth-operator';
import { useState } from 'preact/hooks';
import { announce } from './live';
import { type AnswerProps, Asked } from './question';

/** The code that was sent to the person. */
export function OneTimeCode({
  question: { event },
  talk,
  answer,
  isBusy,
}: AnswerProps<Question<'otp'>>) {
  const [code, setCode] = useState('');
  const [check, setCheck] = useState<OtpCheck | undefined>(undefined);
  const isWrong = check?.verified === false;
  const give = (submitted: Event): void => {
    submitted.preventDefault();
    answer(async () => {
      const found = await talk.verify(code);
      setCheck(found);
      setCode('');
      if (found?.verified) announce('The code was right');
    });
  };
  return (
    <Asked title="Show that it is you" text={whereTo(event)}>
      <form class="code" onSubmit={give}>
        <label for="code">One-time code</label>
        <div class="answers">
          <input
            id="code"
            class="mono"
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            value={code}
            aria-invalid={isWrong}
            aria-describedby={isWrong ? 'code-fault' : undefined}
            onInput={({ currentTarget }) => setCode(currentTarget.value)}
          />
          <button type="submit" class="first" disabled={isBusy}>
            Verify
          </button>
          <button
            type="button"
            class="second"
            disabled={isBusy}
            onClick={() => answer(() => talk.declineOtp())}
          >
            Not now
          </button>
        </div>
        {isWrong ? (
          <p id="code-fault" class="fault" role="alert">
            {wrong(check)}
          </p>
        ) : null}
      </form>
    </Asked>
  );
}

function whereTo(event: Question<'otp'>['event']): string {
  if (event.type === 'otp_sent') {
    return `Sent by ${event.channel} to ${event.maskedDestination}.`;
  }
  return event.actionDescription;
}

function wrong({ message, attemptsRemaining: left }: OtpCheck): string {
  if (left === undefined || left === 0) return message;
  return `${message} ${left} ${left === 1 ? 'try is' : 'tries are'} left.`;
}
