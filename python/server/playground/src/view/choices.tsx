import type { FieldError, Question } from '@smooai/smooth-operator';
import { useState } from 'preact/hooks';
import { type AnswerProps, Asked } from './question';

interface Option {
  readonly label: string;
  readonly description?: string;
}

interface ChoiceQuestion {
  readonly question: string;
  readonly header: string;
  readonly options: readonly Option[];
  readonly multiSelect?: boolean;
}

/** What was chosen, by header: labels, and own words. */
interface Chosen {
  readonly options: readonly string[];
  readonly other: string;
}

const NOTHING: Chosen = { options: [], other: '' };

/** One or more of what the agent offers, or something else. */
export function Choices({
  question: { event },
  talk,
  answer,
  isBusy,
}: AnswerProps<Question<'interaction'>>) {
  const { questions } = event.spec as unknown as { readonly questions: readonly ChoiceQuestion[] };
  const [chosen, setChosen] = useState<Readonly<Record<string, Chosen>>>({});
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const give = (submitted: Event): void => {
    submitted.preventDefault();
    const answers = questions.map(({ header }) => answerOf(header, chosen[header] ?? NOTHING));
    answer(async () => {
      const found = await talk.submit({ answers });
      setErrors(found?.accepted === false ? found.errors : []);
    });
  };
  return (
    <Asked title={event.reason}>
      <form class="fields" onSubmit={give}>
        {questions.map((one) => (
          <Choice
            key={one.header}
            question={one}
            chosen={chosen[one.header] ?? NOTHING}
            onChange={(now) => setChosen({ ...chosen, [one.header]: now })}
          />
        ))}
        {errors.map(({ field, message }) => (
          <p key={field} class="fault" role="alert">
            {message}
          </p>
        ))}
        <div class="answers">
          <button type="submit" class="first" disabled={isBusy}>
            Send
          </button>
          <button
            type="button"
            class="second"
            disabled={isBusy}
            onClick={() => answer(() => talk.decline())}
          >
            Decline
          </button>
        </div>
      </form>
    </Asked>
  );
}

interface ChoiceProps {
  readonly question: ChoiceQuestion;
  readonly chosen: Chosen;
  readonly onChange: (chosen: Chosen) => void;
}

function Choice({ question, chosen, onChange }: ChoiceProps) {
  const { question: text, header, options, multiSelect = false } = question;
  const toggle = (label: string): void => {
    const rest = chosen.options.filter((one) => one !== label);
    const isOn = rest.length < chosen.options.length;
    const others = multiSelect ? rest : [];
    onChange({ ...chosen, options: isOn && multiSelect ? rest : [...others, label] });
  };
  return (
    <fieldset class="choice">
      <legend>{text}</legend>
      <div class="chips">
        {options.map(({ label, description }) => (
          <label key={label} class="chip" title={description}>
            <input
              type={multiSelect ? 'checkbox' : 'radio'}
              name={header}
              checked={chosen.options.includes(label)}
              onChange={() => toggle(label)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
      <div class="field">
        <label for={`other-${header}`}>Something else</label>
        <input
          id={`other-${header}`}
          value={chosen.other}
          onInput={({ currentTarget: { value: other } }) => onChange({ ...chosen, other })}
        />
      </div>
    </fieldset>
  );
}

function answerOf(header: string, { options, other }: Chosen): object {
  const own = other.trim();
  return {
    header,
    ...(options.length > 0 ? { options } : {}),
    ...(own ? { other: own } : {}),
  };
}
