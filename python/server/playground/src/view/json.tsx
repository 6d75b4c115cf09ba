import type { Json } from '@smooai/smooth-operator';

/** What lies deeper than this is shut at first. */
const OPEN_DEPTH = 4;

interface Props {
  readonly name?: string;
  readonly value: Json;
  readonly depth?: number;
}

/** A JSON value as a tree that can be opened and shut. */
export function JsonTree({ name, value, depth = 0 }: Props) {
  if (typeof value !== 'object' || value === null) {
    return (
      <div class="json-line">
        <Name name={name} />
        <span class={`json-${kindOf(value)}`}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  const isList = Array.isArray(value);
  const members = Object.entries(value) as [string, Json][];
  const [opening, closing] = isList ? ['[', ']'] : ['{', '}'];
  if (members.length === 0) {
    return (
      <div class="json-line">
        <Name name={name} />
        {opening}
        {closing}
      </div>
    );
  }
  return (
    <details class="json-node" open={depth < OPEN_DEPTH}>
      <summary>
        <Name name={name} />
        <span class="json-mark">{opening}</span>
        <span class="json-shut">{countOf(members.length, isList)}</span>
      </summary>
      <div class="json-members">
        {members.map(([key, member]) => (
          <JsonTree key={key} value={member} depth={depth + 1} {...(isList ? {} : { name: key })} />
        ))}
      </div>
      <span class="json-mark">{closing}</span>
    </details>
  );
}

function Name({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span class="json-name">{name}: </span>;
}

function countOf(count: number, isList: boolean): string {
  const word = isList ? 'item' : 'member';
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function kindOf(value: null | boolean | number | string): string {
  return value === null ? 'null' : typeof value;
}
