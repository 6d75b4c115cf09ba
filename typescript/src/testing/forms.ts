// The kinds of interactions: what may be asked, and what counts as an answer. Pure.
import { isObject } from '../wire/repair';
import type { FieldError, IdentityIntakeSpec, ChoicesQuestion, ChoicesSpec } from '../wire/types';
import { faultOfForm } from './checks';
import type { Frame } from './frames';

/** Kinds of interactions, with the capability word of a client that shows them. */
export const FORM_WORDS = { identity_intake: 'identity_form', choices: 'choice_chips' } as const;

/** A kind of interaction that the specification has. */
export type FormKind = keyof typeof FORM_WORDS;

/** The spec of a kind. */
export interface FormSpecs {
  readonly identity_intake: IdentityIntakeSpec;
  readonly choices: ChoicesSpec;
}

const KEYS = ['name', 'email', 'phone'];
const MAX_HEADER = 12;

/** Says what is wrong with a kind and its spec; undefined when they can be asked. */
export function faultOfSpec(kind: string, spec: unknown): string | undefined {
  if (!Object.hasOwn(FORM_WORDS, kind)) return `there is no interaction of the kind ${kind}`;
  if (kind === 'choices') {
    return faultOfForm(spec, 'ChoicesSpec') ?? faultOfQuestions((spec as ChoicesSpec).questions);
  }
  const fault = faultOfForm(spec, 'IdentityIntakeSpec');
  if (fault) return fault;
  const { fields } = spec as IdentityIntakeSpec;
  if (fields.length === 0) return '/fields is not allowed';
  const at = fields.findIndex(({ key }) => !KEYS.includes(key));
  return at < 0 ? undefined : `/fields/${at}/key is not allowed`;
}

function faultOfQuestions(questions: readonly ChoicesQuestion[]): string | undefined {
  if (questions.length < 1 || questions.length > 4) return '/questions is not allowed';
  const headers = questions.map(({ header }) => header);
  if (new Set(headers).size < headers.length) return '/questions must have different headers';
  for (const [at, { header, options }] of questions.entries()) {
    if ([...header].length > MAX_HEADER) return `/questions/${at}/header is not allowed`;
    if (options.length < 2 || options.length > 4) return `/questions/${at}/options is not allowed`;
    const labels = options.map(({ label }) => label);
    if (new Set(labels).size < labels.length) {
      return `/questions/${at}/options must have different labels`;
    }
  }
  return undefined;
}

/** What became of the values of a form: they are taken as they are now, or have to be mended. */
export type Filled = { readonly values: Frame } | { readonly errors: readonly FieldError[] };

/** Checks the values of a form against its spec, and brings them into one form. */
export function filled(kind: string, spec: unknown, values: Frame): Filled {
  return kind === 'choices'
    ? chosen(spec as ChoicesSpec, values)
    : identified(spec as IdentityIntakeSpec, values);
}

function identified({ fields }: IdentityIntakeSpec, values: Frame): Filled {
  const needed = new Set(fields.filter(({ required }) => required).map(({ key }) => String(key)));
  const errors: FieldError[] = [];
  const made: Frame = {};
  for (const field of KEYS) {
    const value = values[field] ?? '';
    if (typeof value !== 'string') {
      errors.push({ field, message: 'must be text' });
    } else if (value.trim() === '') {
      if (needed.has(field)) errors.push({ field, message: 'is required' });
    } else {
      const clean = cleaned(field, value.trim());
      if (clean === undefined) errors.push({ field, message: `must be a valid ${NAMES[field]}` });
      else made[field] = clean;
    }
  }
  return errors.length > 0 ? { errors } : { values: made };
}

const NAMES: Readonly<Record<string, string>> = { email: 'email address', phone: 'phone number' };

function cleaned(field: string, value: string): string | undefined {
  if (field === 'name') return value;
  if (field === 'phone') return phone(value.replace(/[\s\-.()]/g, ''));
  const [, local, domain] = /^([^@\s]+)@([^@\s.]+(?:\.[^@\s.]+)+)$/.exec(value) ?? [];
  return domain === undefined ? undefined : `${local}@${domain.toLowerCase()}`;
}

function phone(number: string): string | undefined {
  if (/^\+[1-9][0-9]{7,14}$/.test(number)) return number;
  if (/^[0-9]{10}$/.test(number)) return `+1${number}`;
  return /^1[0-9]{10}$/.test(number) ? `+${number}` : undefined;
}

function chosen({ questions }: ChoicesSpec, values: Frame): Filled {
  const { answers } = values;
  if (!Array.isArray(answers)) {
    return { errors: [{ field: 'answers', message: 'must be a list' }] };
  }
  const errors: FieldError[] = [];
  const given = new Map<string, Frame>();
  for (const answer of answers) {
    const header = isObject(answer) && typeof answer.header === 'string' ? answer.header : '';
    if (!questions.some((question) => question.header === header.trim())) {
      errors.push({ field: 'answers', message: 'answers a question that was not asked' });
    } else if (given.has(header.trim())) {
      errors.push({ field: 'answers', message: 'answers a question twice' });
    } else given.set(header.trim(), answer);
  }
  const made: Frame[] = [];
  for (const question of questions) {
    const { header } = question;
    const picked = picks(question, given.get(header));
    if (typeof picked === 'string') errors.push({ field: header, message: picked });
    else made.push({ header, ...picked });
  }
  return errors.length > 0 ? { errors } : { values: { answers: made } };
}

/** Returns what one answer picks, or what has to be mended. */
function picks(question: ChoicesQuestion, answer: Frame | undefined): Frame | string {
  if (!answer) return 'needs an answer';
  const { options = [], other = '' } = answer;
  if (!Array.isArray(options) || options.some((label) => typeof label !== 'string')) {
    return 'must name options by their labels';
  }
  if (typeof other !== 'string') return 'must be text';
  const labels = [...new Set(options.map((label: string) => label.trim()))];
  if (labels.some((label) => !question.options.some((option) => option.label === label))) {
    return 'names an option that was not offered';
  }
  const own = other.trim();
  const count = labels.length + (own ? 1 : 0);
  if (count === 0) return 'needs an answer';
  if (count > 1 && !question.multiSelect) return 'takes exactly one answer';
  return { ...(labels.length > 0 ? { options: labels } : {}), ...(own ? { other: own } : {}) };
}
