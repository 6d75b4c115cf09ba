import type { Citation } from '@smooai/smooth-operator';
import { useEffect } from 'preact/hooks';
import type { Exchange, Figures, Step, Talk } from '../model/exchange';
import { type Problem, seconds } from '../model/words';
import { announce } from './live';
import { QuestionCard } from './question';
import { useCell } from './use';

interface Props {
  readonly talk: Talk;
  readonly isLast: boolean;
  readonly onSay: (text: string) => void;
  readonly onAnswered: () => void;
  readonly onBegin: () => void;
}

/** What was said, and what came of it. */
export function TalkView({ talk, isLast, onSay, onAnswered, onBegin }: Props) {
  const shown = useCell(talk.shown);
  const { asked, reasoning, preamble, steps, questions, isOver, problem, fate } = shown;
  useEffect(() => {
    const text = shown.note ?? [shown.by, ...shown.pieces].join(' ').trim();
    if (isOver && (talk.turn || shown.by || shown.note)) announce(problem ? problem.text : text);
  }, [isOver]);
  if (shown.note !== undefined) return <li class="note">{shown.note}</li>;
  return (
    <li class="talk">
      {asked ? (
        <div class="asked">
          <span class="unseen">You: </span>
          {asked}
        </div>
      ) : null}
      <div class="answer" aria-busy={!isOver}>
        {shown.by === undefined ? (
          <span class="unseen">Agent: </span>
        ) : (
          <p class="said-by">{shown.by}</p>
        )}
        {preamble ? <p class="preamble">{preamble}</p> : null}
        {reasoning ? (
          <details class="reasoning" open={!isOver}>
            <summary>{isOver ? 'What it thought' : 'It thinks'}</summary>
            <p>{reasoning}</p>
          </details>
        ) : null}
        {steps.map((step) => (
          <StepView key={step.key} step={step} />
        ))}
        <AnswerText shown={shown} />
        {shown.isSuspended ? (
          <p class="paused">The link is lost. The answer goes on when it is back.</p>
        ) : null}
        {questions.map((question) => (
          <QuestionCard
            key={question.kind}
            question={question}
            talk={talk}
            onAnswered={onAnswered}
          />
        ))}
        <Citations citations={shown.citations} />
        {problem ? <Failure {...{ problem, talk, isLast, onSay, onBegin }} /> : null}
        {fate === undefined ? null : <p class="fate">{fate}</p>}
        {shown.figures ? <FiguresLine figures={shown.figures} /> : null}
        {isLast ? <Suggestions suggestions={shown.suggestions} onSay={onSay} /> : null}
      </div>
    </li>
  );
}

function AnswerText({
  shown: { pieces, isOver, isSuspended, questions, steps, reasoning },
}: {
  shown: Exchange;
}) {
  if (pieces.length === 0) {
    if (isOver || isSuspended || questions.length > 0) return null;
    const isSilent = steps.length === 0 && reasoning === '';
    return (
      <p class="waiting">
        <span class="unseen">{isSilent ? 'Waiting for the agent' : 'The agent works'}</span>
        <i />
        <i />
        <i />
      </p>
    );
  }
  return (
    <p class={isOver ? 'text' : 'text streaming'}>
      {isOver ? pieces.join('') : pieces.map((piece, at) => <span key={at}>{piece}</span>)}
    </p>
  );
}

function StepView({ step: { name, call, result } }: { readonly step: Step }) {
  const state = result === undefined ? 'runs' : result.isError ? 'failed' : 'done';
  const given = call ? Object.values(call.arguments).filter(isShort).join(', ') : '';
  return (
    <p class={`step ${state}`}>
      <span class="mono">{name}</span>
      {given ? <span class="given">{given}</span> : null}
      <span class="state-word">{state}</span>
    </p>
  );
}

/** Says whether an argument fits into a line. */
function isShort(value: unknown): boolean {
  return typeof value !== 'object';
}

function Citations({ citations }: { readonly citations: readonly Citation[] }) {
  if (citations.length === 0) return null;
  return (
    <ol class="citations" aria-label="Sources">
      {citations.map(({ id, title, snippet }) => (
        <li key={id}>
          <details>
            <summary>{title}</summary>
            <blockquote>{snippet}</blockquote>
          </details>
        </li>
      ))}
    </ol>
  );
}

interface FailureProps {
  readonly problem: Problem;
  readonly talk: Talk;
  readonly isLast: boolean;
  readonly onSay: (text: string) => void;
  readonly onBegin: () => void;
}

function Failure({ problem, talk, isLast, onSay, onBegin }: FailureProps) {
  const { asked } = talk.shown.value;
  return (
    <div class="failure">
      <p>{problem.server || problem.text}</p>
      <p class="mono faint">{problem.kind}</p>
      {isLast ? (
        <div class="answers">
          {problem.kind.startsWith('turn_interrupted') ? (
            <button type="button" class="second" onClick={() => talk.recover()}>
              What became of it?
            </button>
          ) : null}
          {problem.kind.startsWith('not_found') ? (
            <button type="button" class="second" onClick={onBegin}>
              Begin a new conversation
            </button>
          ) : (
            <button type="button" class="second" onClick={() => onSay(asked)}>
              Say it again
            </button>
          )}
        </div>
      ) : null}
    </div>
  );
}

function FiguresLine({ figures }: { readonly figures: Figures }) {
  const { outcome, durationMs, firstTokenMs, tokens, costUsd } = figures;
  const parts = [
    outcome,
    seconds(durationMs),
    firstTokenMs === undefined ? undefined : `first token ${seconds(firstTokenMs)}`,
    tokens === undefined ? undefined : `${tokens} tokens`,
    costUsd === undefined ? undefined : `$${costUsd.toFixed(4)}`,
  ];
  return <p class="figures">{parts.filter((part) => part !== undefined).join(' · ')}</p>;
}

interface SuggestionsProps {
  readonly suggestions: readonly string[];
  readonly onSay: (text: string) => void;
}

function Suggestions({ suggestions, onSay }: SuggestionsProps) {
  if (suggestions.length === 0) return null;
  return (
    <div class="chips">
      {suggestions.map((text) => (
        <button key={text} type="button" class="second" onClick={() => onSay(text)}>
          {text}
        </button>
      ))}
    </div>
  );
}
