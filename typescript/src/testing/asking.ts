// The questions that a turn puts to a person, as events, and what they wait for.
import { detailed } from './frames';
import type { Asked, Outcome } from './questions';
import { NO_RESPONSE } from './questions';
import type { Turn } from './turn';

/** The time of a question, toward sessions that listed `spec_1_1`. */
function life(turn: Turn, expiresMs: number): { expiresAt?: number } {
  return turn.extended ? { expiresAt: expiresMs } : {};
}

/** Asks whether a tool may run. */
export function askApproval(turn: Turn, toolId: string, actionDescription: string): Asked {
  const id = turn.hall.newId();
  const expiresMs = turn.hall.now() + turn.hall.questionMs;
  const shown = (): void => {
    const more = turn.extended ? { confirmationId: id } : {};
    const details = { toolId, actionDescription, ...more, ...life(turn, expiresMs) };
    const type = 'write_confirmation_required';
    turn.emit(detailed(type, turn.requestId, turn.hall.now(), details));
  };
  return turn.ask({ kind: 'confirmation', id, expiresMs }, shown, false);
}

/** How a code is asked for. */
export interface CodeFacts {
  readonly toolId: string;
  readonly description: string;
  readonly code: string;
  readonly attempts: number;
  readonly channel: string;
  /** Where the code went; undefined when it could not be sent. */
  readonly masked: string | undefined;
}

/** Asks for a one-time code, and tells where it went. */
export function askCode(turn: Turn, facts: CodeFacts): Asked {
  const { code, attempts, channel, masked } = facts;
  const id = turn.hall.newId();
  const expiresMs = turn.hall.now() + turn.hall.questionMs;
  const shown = (): void => {
    const now = turn.hall.now();
    const details = {
      toolId: facts.toolId,
      actionDescription: facts.description,
      availableChannels: [channel],
      authLevel: 'end_user',
      ...life(turn, expiresMs),
    };
    turn.emit(detailed('otp_verification_required', turn.requestId, now, details));
    if (masked === undefined) {
      turn.emit(turn.refusal('OTP_SEND_FAILED', 'the one-time code could not be delivered'));
      return;
    }
    const sent = { channel, maskedDestination: masked };
    turn.emit(detailed('otp_sent', turn.requestId, now, sent));
  };
  return turn.ask({ kind: 'otp', id, expiresMs, code, attempts }, shown, false);
}

/** Asks by a form. */
export function askForm(turn: Turn, kind: string, spec: unknown, reason: string): Asked {
  const id = turn.hall.newId();
  const expiresMs = turn.hall.now() + turn.hall.questionMs;
  const shown = (): void => {
    const details = { interactionId: id, kind, spec, reason, ...life(turn, expiresMs) };
    turn.emit(detailed('interaction_required', turn.requestId, turn.hall.now(), details));
  };
  return turn.ask({ kind: 'interaction', id, expiresMs, form: { kind, spec } }, shown, NO_RESPONSE);
}

/** Waits for the end of a question, as long as its turn runs. */
export function answerOf(turn: Turn, asked: Asked): Promise<Outcome> {
  return turn.within(asked.answered);
}
