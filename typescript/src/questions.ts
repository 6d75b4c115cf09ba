import { startLimit, type Timer } from './clock';
import type { Settings } from './options';
import type { Turn } from './turn';
import type {
  FieldError,
  InteractionRequiredEvent,
  OtpInvalidReason,
  OtpSentEvent,
  OtpVerificationRequiredEvent,
  ServerEvent,
  WriteConfirmationRequiredEvent,
} from './wire/index';
import { LIMITS } from './wire/options';
import { QUESTIONS, type QuestionKind } from './wire/steps';

/** The event that asked a question. */
export interface Asked {
  confirmation: WriteConfirmationRequiredEvent;
  otp: OtpVerificationRequiredEvent | OtpSentEvent;
  interaction: InteractionRequiredEvent;
}

/** The event that asked a question of a kind. */
export type AskedBy<K extends QuestionKind> = K extends keyof Asked ? Asked[K] : ServerEvent;

/** A question that waits for a human, or waited for one. */
export interface Question<K extends QuestionKind = QuestionKind> {
  readonly kind: K;
  /** The event that asked; after `otp_sent` that one. */
  readonly event: AskedBy<K>;
  /** Time of the client's clock when it came, in milliseconds. */
  readonly askedAt: number;
  /** Milliseconds until it lapses; missing when the server did not say (REQ-TURN-13). */
  readonly durationMs?: number;
}

/** What became of a one-time code (REQ-OTP-01). */
export interface OtpCheck {
  readonly verified: boolean;
  /** Tries that are left; missing when the code was right. */
  readonly attemptsRemaining?: number;
  /** Why the code was not accepted. */
  readonly error?: OtpInvalidReason;
  readonly message: string;
}

/** What became of a confirmation that was answered by ids. */
export interface ConfirmResult {
  /** The turn that began with the answer, which had none here (REQ-VERB-15). */
  readonly turn?: Turn;
}

/** What became of submitted values (REQ-FORM-01). */
export type SubmitResult =
  | {
      readonly accepted: true;
      /** The turn that began with the values, which had none here (REQ-VERB-15). */
      readonly turn?: Turn;
    }
  | {
      readonly accepted: false;
      /** What is wrong with which field; the question is open again. */
      readonly errors: readonly FieldError[];
      readonly message: string;
    };

/** Returns what a one-time code's verb resolves to; undefined for an acknowledged decline. */
export function otpCheckOf(event: ServerEvent): OtpCheck | undefined {
  if (event.type === 'otp_verified') return { verified: true, message: event.message };
  if (event.type !== 'otp_invalid') return undefined;
  const { attemptsRemaining, error, message } = event;
  return { verified: false, attemptsRemaining, ...(error === undefined ? {} : { error }), message };
}

/** Returns what a submitted or declined interaction resolves to. */
export function submitResultOf(event: ServerEvent): SubmitResult {
  if (event.type !== 'interaction_invalid') return { accepted: true };
  return { accepted: false, errors: event.errors, message: event.message };
}

/** The questions of one turn with their limits (REQ-TURN-13, REQ-VERB-10). */
export class Questions {
  readonly #settings: Settings;
  readonly #lapse: () => void;
  readonly #current = new Map<QuestionKind, Question>();
  readonly #timers = new Map<QuestionKind, Timer>();

  constructor(settings: Settings, lapse: () => void) {
    this.#settings = settings;
    this.#lapse = lapse;
  }

  /** Returns the question of a kind that was asked last and is not closed. */
  current<K extends QuestionKind>(kind: K): Question<K> | undefined {
    return this.#current.get(kind) as Question<K> | undefined;
  }

  /** Takes note of a question. */
  opened(kind: QuestionKind, event: ServerEvent): void {
    const durationMs = durationOf(kind, event);
    this.#current.set(kind, {
      kind,
      event: event as AskedBy<QuestionKind>,
      askedAt: this.#settings.clock.now(),
      ...(durationMs === undefined ? {} : { durationMs }),
    });
  }

  /** Starts the limit anew; a question that is `age` milliseconds old has so much less. */
  start(kind: QuestionKind, age = 0): void {
    this.answered(kind);
    const question = this.#current.get(kind);
    const { questionTimeoutMs, clock } = this.#settings;
    if (!question || questionTimeoutMs === 0) return;
    const { durationMs } = question;
    const limit = durationMs === undefined ? questionTimeoutMs : durationMs + LIMITS.questionMargin;
    this.#timers.set(
      kind,
      startLimit(clock, age > 0 ? Math.max(1, limit - age) : limit, this.#lapse),
    );
  }

  /** Stops the limit: the answer is out. */
  answered(kind: QuestionKind): void {
    this.#timers.get(kind)?.cancel();
    this.#timers.delete(kind);
  }

  /** Forgets the question. */
  shut(kind: QuestionKind): void {
    this.answered(kind);
    this.#current.delete(kind);
  }

  /** Stops every limit: the turn has settled, or is suspended. */
  stop(): void {
    for (const kind of [...this.#timers.keys()]) this.answered(kind);
  }

  /**
   * Says whether a frame of a type shows that the question lapsed (REQ-VERB-10); `passed` is the
   * server's time since it asked, where both frames tell it.
   */
  expired(kind: QuestionKind, type: string, passed: number | undefined): boolean {
    const question = this.#current.get(kind);
    if (question?.durationMs === undefined) return type === 'stream_token';
    return (passed ?? this.#settings.clock.now() - question.askedAt) >= question.durationMs;
  }
}

/** The server's absolute time is never compared with our clock: only the distance counts. */
function durationOf(kind: QuestionKind, event: ServerEvent): number | undefined {
  const { duration } = QUESTIONS[kind];
  if (duration === null) return undefined;
  const { timestamp, [duration]: expiresAt } = event as unknown as Record<string, unknown>;
  if (typeof expiresAt !== 'number' || typeof timestamp !== 'number') return undefined;
  const distance = Math.max(0, expiresAt - timestamp);
  return distance <= LIMITS.questionLongest ? distance : undefined;
}
