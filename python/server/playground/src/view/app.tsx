import { useState } from 'preact/hooks';
import type { Config } from '../model/config';
import type { Playground } from '../model/playground';
import { Chat } from './chat';
import { Header } from './header';
import { LiveRegion } from './live';
import { TurnPanel } from './turn-panel';
import { useCell } from './use';
import { Wire } from './wire';

interface Props {
  readonly playground: Playground;
  readonly config: Config;
}

type Side = 'chat' | 'wire';

/** The whole page: the chat, and beside it the wire; on a narrow screen one of them. */
export function App({ playground, config }: Props) {
  const [side, setSide] = useState<Side>('chat');
  return (
    <div class={`page shows-${side}`}>
      <Header playground={playground} config={config} />
      <Sides playground={playground} side={side} onChange={setSide} />
      <main>
        <Chat playground={playground} config={config} />
        <div class="inspector">
          <TurnPanel playground={playground} />
          <Wire playground={playground} />
        </div>
      </main>
      <LiveRegion />
    </div>
  );
}

interface SidesProps {
  readonly playground: Playground;
  readonly side: Side;
  readonly onChange: (side: Side) => void;
}

function Sides({ playground, side, onChange }: SidesProps) {
  const { length } = useCell(playground.log.rows);
  return (
    <nav class="sides" aria-label="Chat or wire">
      <button type="button" aria-pressed={side === 'chat'} onClick={() => onChange('chat')}>
        Chat
      </button>
      <button type="button" aria-pressed={side === 'wire'} onClick={() => onChange('wire')}>
        Wire <span class="mono faint">{length}</span>
      </button>
    </nav>
  );
}
