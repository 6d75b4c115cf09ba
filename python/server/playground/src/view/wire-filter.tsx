import { ALL, type Filter, isOn, typesOf } from '../model/filter';
import type { WireRow } from '../model/frames';

interface Props {
  readonly rows: readonly WireRow[];
  readonly shownCount: number;
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
}

const DIRECTIONS = [
  ['both', 'Both'],
  ['out', '↑ Out'],
  ['in', '↓ In'],
] as const;

/** What of the wire is shown: by direction, by type, by text. */
export function WireFilter({ rows, shownCount, filter, onChange }: Props) {
  return (
    <search class="filter" aria-label="Frames">
      <fieldset class="segments">
        <legend class="unseen">Direction</legend>
        {DIRECTIONS.map(([direction, label]) => (
          <label key={direction}>
            <input
              type="radio"
              name="direction"
              checked={filter.direction === direction}
              onChange={() => onChange({ ...filter, direction })}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <select
        aria-label="Type of frame"
        value={filter.type}
        onChange={({ currentTarget }) => onChange({ ...filter, type: currentTarget.value })}
      >
        <option value="">All types</option>
        {typesOf(rows).map(([type, count]) => (
          <option key={type} value={type}>
            {type} ({count})
          </option>
        ))}
      </select>
      <input
        type="search"
        placeholder="Find in frames"
        aria-label="Text in frames"
        value={filter.text}
        onInput={({ currentTarget }) => onChange({ ...filter, text: currentTarget.value })}
      />
      <label class="fold">
        <input
          type="checkbox"
          checked={filter.isFolded}
          onChange={({ currentTarget }) => onChange({ ...filter, isFolded: currentTarget.checked })}
        />
        Fold repeats
      </label>
      <output class="count">
        {isOn(filter) ? `${shownCount} of ${rows.length}` : rows.length}
      </output>
      {isOn(filter) ? (
        <button
          type="button"
          class="quiet"
          onClick={() => onChange({ ...ALL, isFolded: filter.isFolded })}
        >
          Show all
        </button>
      ) : null}
    </search>
  );
}
