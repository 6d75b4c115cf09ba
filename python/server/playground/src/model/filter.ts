// Which rows of the wire somebody wants to see.
import type { Direction, WireRow } from './frames';

export interface Filter {
  readonly direction: Direction | 'both';
  /** A type of frame; empty for all. */
  readonly type: string;
  /** Text that the frame holds, whatever its case. */
  readonly text: string;
  /** Whether frames of one type that follow each other are one row. */
  readonly isFolded: boolean;
}

/** A row, with how many it stands for. */
export interface Shown {
  readonly row: WireRow;
  readonly count: number;
}

export const ALL: Filter = { direction: 'both', type: '', text: '', isFolded: false };

/** Says whether a filter leaves anything out. */
export function isOn(filter: Filter): boolean {
  return filter.direction !== 'both' || filter.type !== '' || filter.text.trim() !== '';
}

/** Returns the rows that a filter lets through. What happened to the link has no direction or type. */
export function filtered(rows: readonly WireRow[], filter: Filter): readonly WireRow[] {
  if (!isOn(filter)) return rows;
  const wanted = filter.text.trim().toLowerCase();
  return rows.filter((row) => {
    if (row.kind === 'link') {
      return filter.direction === 'both' && filter.type === '' && holds(row.text, wanted);
    }
    if (filter.direction !== 'both' && row.direction !== filter.direction) return false;
    if (filter.type !== '' && row.type !== filter.type) return false;
    return holds(`${row.type} ${row.text}`, wanted);
  });
}

/** Returns rows as they are listed: one by one, or with the last one for all of its kind before it. */
export function listed(rows: readonly WireRow[], isFolded: boolean): readonly Shown[] {
  if (!isFolded) return rows.map((row) => ({ row, count: 1 }));
  const found: Shown[] = [];
  for (const row of rows) {
    const before = found.at(-1);
    if (before && isAlike(before.row, row))
      found[found.length - 1] = { row, count: before.count + 1 };
    else found.push({ row, count: 1 });
  }
  return found;
}

function isAlike(one: WireRow, other: WireRow): boolean {
  if (one.kind === 'link' || other.kind === 'link') return false;
  return one.type === other.type && one.direction === other.direction;
}

/** Returns the types of the rows with how many there are, in the order of the alphabet. */
export function typesOf(rows: readonly WireRow[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    if (row.kind === 'frame') counts.set(row.type, (counts.get(row.type) ?? 0) + 1);
  }
  return [...counts].sort(([left], [right]) => (left < right ? -1 : 1));
}

function holds(text: string, wanted: string): boolean {
  return wanted === '' || text.toLowerCase().includes(wanted);
}
