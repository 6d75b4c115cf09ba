import type { Frame } from '../model/frames';
import { JsonTree } from './json';
import { announce } from './live';

interface Props {
  readonly frame: Frame;
  readonly onClose: () => void;
}

/** One frame in whole. */
export function WireDetail({ frame, onClose }: Props) {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(JSON.stringify(frame.value, undefined, 2));
      announce('Copied');
    } catch {
      announce('This browser does not let the page copy');
    }
  };
  return (
    <section class="detail" aria-label={`Frame ${frame.type}`}>
      <header class="panel-head">
        <h3 class="mono">{frame.type}</h3>
        <span class="mono faint">{`${frame.direction} · ${frame.bytes} bytes`}</span>
        <div class="actions">
          <button type="button" class="quiet" onClick={copy}>
            Copy
          </button>
          <button type="button" class="quiet" onClick={onClose}>
            Close
          </button>
        </div>
      </header>
      <div class="json mono" tabIndex={0} role="group" aria-label="JSON">
        <JsonTree key={frame.id} value={frame.value} />
      </div>
    </section>
  );
}
