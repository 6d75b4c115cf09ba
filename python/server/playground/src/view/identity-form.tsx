import type { FieldError, Question } from '@smooai/smooth-operator';
import { useState } from 'preact/hooks';
import { type AnswerProps, Asked } from './question';

interface Field {
  readonly key: string;
  readonly required: boolean;
  readonly label?: string;
}

const MODES: Readonly<Record<string, 'email' | 'tel'>> = { email: 'email', phone: 'tel' };
const FILLED: Readonly<Record<string, string>> = { name: 'name', email: 'email', phone: 'tel' };

/** Who the person is. What is wrong with a field is said by the server. */
export function IdentityForm({
  question: { event },
  talk,
  answer,
  isBusy,
}: AnswerProps<Question<'interaction'>>) {
  const { fields } = event.spec as unknown as { readonly fields: readonly Field[] };
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const give = (submitted: Event): void => {
    submitted.preventDefault();
    const given = Object.entries(values).filter(([, value]) => value.trim() !== '');
    answer(async () => {
      const found = await talk.submit(Object.fromEntries(given));
      setErrors(found?.accepted === false ? found.errors : []);
    });
  };
  return (
    <Asked title={event.reason}>
      <form class="fields" noValidate onSubmit={give}>
        {fields.map((field) => (
          <FieldInput
            key={field.key}
            field={field}
            value={values[field.key] ?? ''}
            fault={errors.find((error) => error.field === field.key)?.message}
            onInput={(value) => setValues({ ...values, [field.key]: value })}
          />
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

interface FieldProps {
  readonly field: Field;
  readonly value: string;
  readonly fault: string | undefined;
  readonly onInput: (value: string) => void;
}

function FieldInput({ field: { key, label, required }, value, fault, onInput }: FieldProps) {
  const id = `field-${key}`;
  return (
    <div class="field">
      <label for={id}>
        {label ?? key}
        {required ? null : <span class="faint"> (optional)</span>}
      </label>
      <input
        id={id}
        inputMode={MODES[key] ?? 'text'}
        autoComplete={FILLED[key] ?? 'off'}
        required={required}
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : `${id}-fault`}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
      {fault === undefined ? null : (
        <p id={`${id}-fault`} class="fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}
