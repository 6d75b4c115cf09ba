import { Cell } from '../model/cell';
import { useCell } from './use';

const said = new Cell('');

/** Says something to those who cannot see it. */
export function announce(text: string): void {
  // The same words again would not be read out: a space makes them others.
  said.update((before) => (before === text ? `${text} ` : text));
}

/** Where screen readers listen. */
export function LiveRegion() {
  return (
    <div class="unseen" role="status">
      {useCell(said)}
    </div>
  );
}
