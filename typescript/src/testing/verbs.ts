// Where answers arrive: confirm_tool_action, verify_otp, submit_interaction, cancel.
import { type Action, Refusal } from './checks';
import { detailed, failure, type Frame, response } from './frames';
import { filled } from './forms';
import type { Hall } from './hall';
import { type Asked, type AskedKind, DECLINED, type Outcome } from './questions';
import type { Session } from './store';
import type { Turn } from './turn';
import type { Link } from './wires';

const WORDS = ['confirm_tool_action', 'verify_otp', 'submit_interaction', 'cancel'];

/** Whether an action is one whose requestId is a turn's. */
export const isVerb = (action: unknown): boolean => WORDS.includes(String(action));

/** Tells what answers a verb: as an event of its turn, where the link has that turn (REQ-SRV-24). */
export function tell(hall: Hall, session: Session | undefined, link: Link, frame: Frame): void {
  const turn = session?.talk.turns.get(String(frame.requestId));
  if (!turn || turn.isOver || (frame.type === 'error' && turn.channel.link !== link)) {
    link.send(frame);
    return;
  }
  turn.channel.emit(frame);
  if (turn.channel.link !== link && hall.isOpen(link)) link.send(frame);
}

/** Refuses a verb; its turn lives. */
export function refuseVerb(hall: Hall, link: Link, frame: Frame, { code, message }: Refusal): void {
  const session = hall.store.sessions.get(String(frame.sessionId));
  const terminal = session?.supports.has('spec_1_1') ? false : undefined;
  tell(hall, session, link, failure(String(frame.requestId), hall.now(), code, message, terminal));
}

/** The question of a kind that can still be answered. */
function waiting(session: Session | undefined, kind: AskedKind): Asked | undefined {
  const asked = session?.asked.get(kind);
  return asked?.isOpen ? asked : undefined;
}

/** Whether a link gives again the answer that its turn has already (REQ-SRV-41). */
function isAgain(
  hall: Hall,
  link: Link,
  action: Action,
  session: Session | undefined,
  asked: Asked | undefined,
  outcome: Outcome | undefined,
): boolean {
  if (!session || !asked || asked.isOpen || !hall.replays(session)) return false;
  if (asked.of.requestId !== action.requestId || asked.outcome === undefined) return false;
  if (session.talk.turns.get(asked.of.requestId)?.channel.link !== link) return false;
  return JSON.stringify(asked.outcome) === JSON.stringify(outcome);
}

export function confirmToolAction(hall: Hall, link: Link, action: Action): void {
  const session = hall.store.sessions.get(String(action.sessionId));
  const asked = waiting(session, 'confirmation');
  const approved = action.approved === true;
  const { confirmationId } = action;
  const fits = asked && (confirmationId === undefined || confirmationId === asked.of.id);
  if (!session || !asked || !fits || !isOf(session, asked, action)) {
    const last = session?.asked.get('confirmation');
    const same = confirmationId !== undefined && last?.of.id === confirmationId;
    if (same && isAgain(hall, link, action, session, last, approved)) return;
    throw new Refusal('NO_PENDING_CONFIRMATION', 'nothing waits for this confirmation');
  }
  const text = approved ? 'Tool action approved' : 'Tool action rejected';
  const data = { sessionId: session.sessionId, approved };
  asked.close(approved, () =>
    tell(hall, session, link, response(action.requestId, hall.now(), 200, text, data)),
  );
}

/** Sessions of 1.0 know no confirmationId, and some of their clients draw an id for the answer. */
function isOf(session: Session, asked: Asked, { requestId }: Action): boolean {
  if (requestId === asked.of.requestId) return true;
  return !session.supports.has('spec_1_1') && !session.talk.turns.has(String(requestId));
}

export function verifyOtp(hall: Hall, link: Link, action: Action): void {
  const session = hall.store.session(action.sessionId);
  const requestId = String(action.requestId);
  const say = (type: string, details: Frame): void =>
    tell(hall, session, link, detailed(type, requestId, hall.now(), details));
  const wrong = (error: string, attemptsRemaining: number, message: string): void =>
    say('otp_invalid', { error, attemptsRemaining, message });
  const asked = waiting(session, 'otp');
  if (!asked) {
    wrong('NOT_FOUND', 0, 'No code is waited for.');
    return;
  }
  if (action.declined === true) {
    const data = { sessionId: session.sessionId, declined: true };
    asked.close(false, () =>
      tell(hall, session, link, response(requestId, hall.now(), 200, 'Code declined', data)),
    );
  } else if (action.code === asked.of.code) {
    session.verified = true;
    asked.close(true, () => say('otp_verified', { message: 'The code is right.' }));
  } else {
    asked.attemptsLeft -= 1;
    const left = asked.attemptsLeft;
    if (left > 0) wrong('INVALID_CODE', left, 'The code is wrong.');
    else {
      const message = 'The code is wrong, and no tries are left.';
      asked.close(false, () => wrong('MAX_ATTEMPTS', 0, message));
    }
  }
}

export function submitInteraction(hall: Hall, link: Link, action: Action): void {
  const session = hall.store.sessions.get(String(action.sessionId));
  const last = session?.asked.get('interaction');
  const asked = waiting(session, 'interaction');
  if (!session || !asked) {
    const again = last && last.of.id === action.interactionId ? given(action, last) : undefined;
    if (again && isAgain(hall, link, action, session, last, again)) return;
    throw new Refusal('NO_PENDING_INTERACTION', 'nothing waits for this interaction');
  }
  const { kind } = asked.of.form as { kind: string };
  if (action.interactionId !== asked.of.id || (action.kind ?? kind) !== kind) {
    throw new Refusal('INTERACTION_MISMATCH', 'another interaction waits');
  }
  if (action.declined !== true && action.values === undefined) {
    throw new Refusal('VALIDATION_ERROR', '/values is required unless declined is true');
  }
  const outcome = given(action, asked);
  if ('errors' in outcome) {
    const { errors } = outcome;
    const details = {
      interactionId: asked.of.id,
      kind,
      errors,
      message: 'Some fields need attention.',
    };
    const invalid = detailed('interaction_invalid', String(action.requestId), hall.now(), details);
    tell(hall, session, link, invalid);
    return;
  }
  const declined = action.declined === true ? { declined: true } : {};
  const data = { sessionId: session.sessionId, interactionId: asked.of.id, ...declined };
  asked.close(outcome as Outcome, () =>
    tell(hall, session, link, response(action.requestId, hall.now(), 200, ANSWERED, data)),
  );
}

const ANSWERED = 'Interaction answered';

/** What an answer comes to: an outcome, or what has to be mended. */
function given(action: Action, asked: Asked): Outcome & object {
  if (action.declined === true) return DECLINED as Outcome & object;
  const { kind, spec } = asked.of.form as { kind: string; spec: unknown };
  const made = filled(kind, spec, (action.values ?? {}) as Frame);
  return ('errors' in made ? made : { status: 'submitted', values: made.values }) as never;
}

/** Stops the turn that is named; says nothing when there is none (REQ-SRV-15). */
export function cancel(hall: Hall, link: Link, action: Action): void {
  const turn = named(hall, link, action);
  if (!turn) return;
  const terminal = turn.cancel();
  if (turn.channel.link !== link) link.send(terminal);
}

function named(hall: Hall, link: Link, { sessionId, requestId }: Action): Turn | undefined {
  let turns = hall.running().filter((turn) => turn.channel.link === link);
  if (sessionId !== undefined) {
    const running = hall.store.sessions.get(String(sessionId))?.talk.running;
    turns = running ? [running] : [];
  }
  if (requestId !== undefined) turns = turns.filter((turn) => turn.requestId === requestId);
  return turns.length === 1 ? turns[0] : undefined;
}
