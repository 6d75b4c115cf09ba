import { useLayoutEffect, useState } from 'preact/hooks';
import type { Cell } from '../model/cell';

/** Returns the value of a cell, and draws the component again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
  const [, draw] = useState({});
  const { value } = cell;
  useLayoutEffect(() => {
    // It may have changed between the drawing and now.
    if (!Object.is(cell.value, value)) draw({});
    return cell.watch(() => draw({}));
  }, [cell]);
  return value;
}
