// What a human answers, as values: the verb of the table, what it says, how its answer is read.
import {
  type OtpCheck,
  otpCheckOf,
  type Question,
  type SubmitResult,
  submitResultOf,
} from './questions';
import { type ActionName, type JsonObject, REPLIES, type ServerEvent } from './wire/index';
import { answering, type StepEvent, type Verb, VERBS } from './wire/steps';

/** One answer to a question; `T` is what the server makes of it. */
export interface VerbPlan<T> {
  readonly name: Verb;
  /** Members of the action beside its ids and what the table copies from the question. */
  readonly members: JsonObject;
  readonly read: (event: ServerEvent) => T;
}

export const confirming = (approved: boolean): VerbPlan<undefined> => ({
  name: 'confirm',
  members: { approved },
  read: () => undefined,
});

export const verifying = (code: string): VerbPlan<OtpCheck | undefined> => ({
  name: 'verify_otp',
  members: { code },
  read: otpCheckOf,
});

export const submitting = (values: JsonObject): VerbPlan<SubmitResult> => ({
  name: 'submit',
  members: { values },
  read: submitResultOf,
});

export const declining = (): VerbPlan<SubmitResult> => ({
  name: 'decline',
  members: { declined: true },
  read: submitResultOf,
});

export const decliningOtp = (): VerbPlan<undefined> => ({
  name: 'decline_otp',
  members: { declined: true },
  read: () => undefined,
});

/**
 * Returns what an answer copies from the question that it answers. Without one nothing is sent, but
 * what the caller wrote is checked as if: the stand-ins never leave.
 */
export function echoed(verb: Verb, asked: Question | undefined): JsonObject {
  const event = asked?.event as unknown as JsonObject | undefined;
  const members = VERBS[verb].echo.map((name) => [name, event ? event[name] : '-'] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined)) as JsonObject;
}

/** Returns the events that answer a verb of a turn that is not live here (REQ-VERB-11). */
export function answersTo(verb: Verb): readonly string[] {
  const replies: readonly StepEvent[] = REPLIES[VERBS[verb].action as ActionName];
  return replies.filter((type) => type !== 'error' && answering(type, {}).includes(verb));
}
