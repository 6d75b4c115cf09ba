import type { Question } from '@smooai/smooth-operator';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Talk } from '../model/exchange';
import { problemOf } from '../model/words';
import { Choices } from './choices';
import { Confirmation } from './confirmation';
import { IdentityForm } from './identity-form';
import { announce } from './live';
import { OneTimeCode } from './one-time-code';

/** What a question of the agent looks like and is answered with. */
export interface AnswerProps<Q extends Question = Question> {
  readonly question: Q;
  readonly talk: Talk;
  /** Runs an answer; while it is on its way nothing else can be answered. */
  readonly answer: (give: () => Promise<unknown>) => void;
  readonly isBusy: boolean;
}

interface Props {
  readonly question: Question;
  readonly talk: Talk;
  readonly onAnswered: () => void;
}

/** A question that waits for the person at this page. */
export function QuestionCard({ question, talk, onAnswered }: Props) {
  const card = useRef<HTMLElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const title = titleOf(question);
  useEffect(() => {
    announce(`The agent asks: ${title}`);
    takeFocus(card.current);
  }, [question]);
  useEffect(
    () => () => {
      // What had the focus is gone with the card.
      requestAnimationFrame(() => document.activeElement === document.body && onAnswered());
    },
    [],
  );
  const answer = async (give: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setFault('');
    try {
      await give();
    } catch (error) {
      setFault(problemOf(error).text);
    } finally {
      setBusy(false);
      requestAnimationFrame(() => toFault(card.current));
    }
  };
  return (
    <section ref={card} class="question" tabIndex={-1} aria-label={title} aria-busy={isBusy}>
      <Answered question={question} talk={talk} answer={answer} isBusy={isBusy} />
      {fault ? (
        <p class="fault" role="alert">
          {fault}
        </p>
      ) : null}
    </section>
  );
}

function Answered(props: AnswerProps) {
  const { question } = props;
  if (isOf(question, 'confirmation')) return <Confirmation {...props} question={question} />;
  if (isOf(question, 'otp')) return <OneTimeCode {...props} question={question} />;
  if (!isOf(question, 'interaction')) return null;
  const interaction = { ...props, question };
  switch (question.event.kind) {
    case 'identity_intake':
      return <IdentityForm {...interaction} />;
    case 'choices':
      return <Choices {...interaction} />;
    default:
      return <UnknownForm {...interaction} />;
  }
}

function isOf<K extends Question['kind']>(question: Question, kind: K): question is Question<K> {
  return question.kind === kind;
}

function UnknownForm({ question, talk, answer, isBusy }: AnswerProps<Question<'interaction'>>) {
  return (
    <Asked title="A form that this page does not know" text={question.event.reason}>
      <p>
        Its kind is <span class="mono">{question.event.kind}</span>. It can be declined.
      </p>
      <button
        type="button"
        class="second"
        disabled={isBusy}
        onClick={() => answer(() => talk.decline())}
      >
        Decline
      </button>
    </Asked>
  );
}

interface AskedProps {
  readonly title: string;
  readonly text?: string | undefined;
  readonly children: ComponentChildren;
}

/** The head of a question, with what answers it below. */
export function Asked({ title, text, children }: AskedProps) {
  return (
    <>
      <h3>{title}</h3>
      {text ? <p class="asked-text">{text}</p> : null}
      {children}
    </>
  );
}

function titleOf(question: Question): string {
  if (isOf(question, 'confirmation')) return 'May it do this?';
  if (isOf(question, 'otp')) return 'Show that it is you';
  if (isOf(question, 'interaction')) return question.event.reason;
  return 'A question';
}

/** What was not accepted is what the person does next. */
function toFault(card: HTMLElement | null): void {
  card?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}

/** The composer gives its focus to a question; who does something else keeps it. */
function takeFocus(card: HTMLElement | null): void {
  const { activeElement } = document;
  const isFree = activeElement === document.body || activeElement?.id === 'composer';
  const isWriting = activeElement instanceof HTMLTextAreaElement && activeElement.value !== '';
  if (isFree && !isWriting) {
    // A yes is never what a key pressed too long would give.
    (card?.querySelector('input') ?? card)?.focus({ preventScroll: true });
  }
}
