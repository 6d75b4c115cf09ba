import { Component } from 'preact';
import { EVENT_ROLES, type TurnRole } from '@wire/events';
import type { Frame, WireRow } from '../model/frames';
import { seconds } from '../model/words';

interface Props {
  readonly row: WireRow;
  /** How many frames of the type it stands for. */
  readonly count: number;
  readonly isChosen: boolean;
}

/** Id of the element of a row. */
export function elementOf({ id }: WireRow): string {
  return `row-${id}`;
}

/** One row of the wire. It is drawn again only when it is chosen or no longer. */
export class WireRowView extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const { row, count, isChosen } = this.props;
    return next.isChosen !== isChosen || next.row !== row || next.count !== count;
  }

  override render({ row, count, isChosen }: Props) {
    const kind = row.kind === 'link' ? `link${row.isBad ? ' bad' : ''}` : markOf(row);
    return (
      <div
        class={`row ${kind}`}
        id={elementOf(row)}
        data-row={row.id}
        role="row"
        aria-selected={isChosen}
      >
        <Cell name="time">{clock(row.at)}</Cell>
        <Cell name="since">{row.since < 1 ? '' : `+${seconds(row.since)}`}</Cell>
        {row.kind === 'link' ? (
          <Cell name="mark">{row.text}</Cell>
        ) : (
          <Cells frame={row} count={count} />
        )}
      </div>
    );
  }
}

function Cells({ frame, count }: { readonly frame: Frame; readonly count: number }) {
  const { direction, type, bytes, preview } = frame;
  return (
    <>
      <Cell name="direction">
        <span aria-hidden="true">{direction === 'out' ? '↑' : '↓'}</span>
        <span class="unseen">{direction}</span>
      </Cell>
      <Cell name="type">{count === 1 ? type : `${type} ×${count}`}</Cell>
      <Cell name="bytes">{bytes}</Cell>
      <Cell name="preview">{preview}</Cell>
    </>
  );
}

interface CellProps {
  readonly name: string;
  readonly children: unknown;
}

function Cell({ name, children }: CellProps) {
  return (
    <div class={name} role="gridcell">
      {children as string}
    </div>
  );
}

const MARKS: { readonly [R in NonNullable<TurnRole>]?: string } = {
  asks: 'asks',
  parks: 'asks',
  terminal: 'ends',
  terminal_by_code: 'fails',
};

/** What a frame means to its turn, as far as the eye is led there. */
function markOf({ direction, type }: Frame): string {
  if (direction === 'out') return 'out';
  const role = Object.hasOwn(EVENT_ROLES, type)
    ? EVENT_ROLES[type as keyof typeof EVENT_ROLES]
    : null;
  return `in ${role ? (MARKS[role] ?? '') : ''}`;
}

/** Returns a time of day to the millisecond. */
export function clock(at: number): string {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const whole = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return `${whole}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
