import { LINK_DRAWN, QUESTIONS_DRAWN, TURN_DRAWN } from '../model/machine';
import type { Move } from '../model/moves';
import type { Playground } from '../model/playground';
import { MachineStrip, MachineView } from './machine';
import { useCell } from './use';

/** Where the newest turn is, what it asks, and how the link stands. */
export function TurnPanel({ playground }: { readonly playground: Playground }) {
  const place = useCell(playground.watch.place);
  const link = useCell(playground.link);
  const last = place?.moves.at(-1);
  return (
    <section class="turn-panel" aria-labelledby="turn-heading">
      <header class="panel-head">
        <h2 id="turn-heading">Turn</h2>
        <span class="mono faint">{place?.requestId ?? 'none yet'}</span>
      </header>
      <MachineView machine={TURN_DRAWN} state={place?.state} last={last} />
      <p class="move">{last ? <MoveText move={last} /> : 'It lights up when you say something.'}</p>
      <dl class="strips">
        <MachineStrip name="link" states={LINK_DRAWN.states} state={link.state} />
        {QUESTIONS_DRAWN.map(({ name, states, initial }) => {
          const state = place?.questions[name as keyof typeof place.questions] ?? initial;
          return <MachineStrip key={name} name={name} states={states} state={state} />;
        })}
      </dl>
    </section>
  );
}

function MoveText({ move: { from, to, word } }: { readonly move: Move }) {
  return (
    <>
      {from} <span aria-hidden="true">→</span>
      <span class="unseen">to</span> <strong>{to}</strong>
      {word === undefined ? null : (
        <>
          {' by '}
          <span class="mono">{word}</span>
        </>
      )}
    </>
  );
}
