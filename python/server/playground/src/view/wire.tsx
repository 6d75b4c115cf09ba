import { useEffect, useRef, useState } from 'preact/hooks';
import { ALL, type Filter, filtered, listed } from '../model/filter';
import type { Frame, WireRow } from '../model/frames';
import type { Playground } from '../model/playground';
import { useFollowing } from './scroll';
import { useCell } from './use';
import { WireDetail } from './wire-detail';
import { WireFilter } from './wire-filter';
import { elementOf, WireRowView } from './wire-row';

/** How many rows a page key goes. */
const PAGE = 10;
const COLUMNS = [
  ['time', 'Time'],
  ['since', 'Since'],
  ['direction', ''],
  ['type', 'Type'],
  ['bytes', 'Bytes'],
  ['preview', 'What it says'],
] as const;

/** Every frame that has crossed the wire, and one of them in whole. */
export function Wire({ playground }: { readonly playground: Playground }) {
  const rows = useCell(playground.log.rows);
  const [filter, setFilter] = useState<Filter>(ALL);
  const [chosen, setChosen] = useState<Frame | undefined>(undefined);
  const grid = useRef<HTMLDivElement>(null);
  const found = filtered(rows, filter);
  const list = listed(found, filter.isFolded);
  const shown = list.map(({ row }) => row);
  const { isAtEnd, onScroll, toEnd } = useFollowing(grid);

  const choose = (row: WireRow | undefined): void => {
    if (row?.kind === 'frame') setChosen(row);
  };
  useEffect(() => {
    // Once the frame is shown below, and has left less room for the rows.
    if (chosen) document.getElementById(elementOf(chosen))?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') setChosen(undefined);
    const to = goal(shown, chosen, event.key);
    if (!to) return;
    event.preventDefault();
    choose(to);
  };
  const onClick = ({ target }: MouseEvent): void => {
    const id = (target as HTMLElement).closest<HTMLElement>('[data-row]')?.dataset.row;
    choose(shown.find((row) => String(row.id) === id));
  };

  return (
    <section class="wire" aria-labelledby="wire-heading">
      <header class="panel-head">
        <h2 id="wire-heading">Wire</h2>
        <div class="actions">
          <button type="button" class="quiet" onClick={() => playground.ping()}>
            Ping
          </button>
          <button type="button" class="quiet" onClick={() => playground.log.clear()}>
            Clear
          </button>
        </div>
      </header>
      <WireFilter rows={rows} shownCount={found.length} filter={filter} onChange={setFilter} />
      <div class="frames">
        <div
          ref={grid}
          class="grid"
          role="grid"
          tabIndex={0}
          aria-label="Frames, the oldest first"
          aria-rowcount={shown.length + 1}
          aria-activedescendant={chosen ? elementOf(chosen) : undefined}
          onScroll={onScroll}
          onKeyDown={onKeyDown}
          onClick={onClick}
        >
          <div role="rowgroup">
            <Head />
            {list.map(({ row, count }) => (
              <WireRowView key={row.id} row={row} count={count} isChosen={row === chosen} />
            ))}
          </div>
        </div>
        {shown.length === 0 ? <Nothing isFiltered={rows.length > 0} /> : null}
        {isAtEnd ? null : (
          <button type="button" class="newest" onClick={toEnd}>
            Newest <span aria-hidden="true">↓</span>
          </button>
        )}
      </div>
      {chosen ? <WireDetail frame={chosen} onClose={() => setChosen(undefined)} /> : null}
    </section>
  );
}

function Head() {
  return (
    <div class="row head" role="row">
      {COLUMNS.map(([name, label]) => (
        <div key={name} class={name} role="columnheader">
          {label || <span class="unseen">Direction</span>}
        </div>
      ))}
    </div>
  );
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  return (
    <p class="nothing">
      {isFiltered
        ? 'No frame is like that. Show all, or look for something else.'
        : 'Nothing has crossed the wire. Say something in the chat, or ping the server.'}
    </p>
  );
}

/** Returns the row that a key leads to. */
function goal(
  shown: readonly WireRow[],
  chosen: Frame | undefined,
  key: string,
): WireRow | undefined {
  const frames = shown.filter((row) => row.kind === 'frame');
  const at = chosen ? frames.indexOf(chosen) : -1;
  const last = frames.length - 1;
  const within = (place: number): WireRow | undefined => frames[Math.max(0, Math.min(last, place))];
  switch (key) {
    case 'ArrowDown':
      return within(at + 1);
    case 'ArrowUp':
      return within(at === -1 ? last : at - 1);
    case 'PageDown':
      return within(at + PAGE);
    case 'PageUp':
      return within(at - PAGE);
    case 'Home':
      return within(0);
    case 'End':
      return within(last);
    default:
      return undefined;
  }
}
