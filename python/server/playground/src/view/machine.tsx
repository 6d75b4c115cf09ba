import type { Drawn, Edge } from '../model/machine';
import type { Move } from '../model/moves';

const WIDTH = 640;
const MIDDLE = 66;
const HEIGHT = 122;
const BOX = { width: 96, height: 30 } as const;
/** How much higher a way goes for each state that it passes, and how much further out it begins. */
const RISE = 16;
const SPREAD = 9;

interface Props {
  readonly machine: Drawn;
  /** The state that is lit; none before there is a turn. */
  readonly state: string | undefined;
  readonly last: Move | undefined;
}

/**
 * A machine as a line of its states: ways onward lead over it, ways back under it. Where everything
 * lies follows from the table.
 */
export function MachineView({ machine, state, last }: Props) {
  const lit = machine.edges.find(({ from, to }) => last?.from === from && last.to === to);
  return (
    <svg
      class="machine"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`${machine.name}: ${state ?? 'none yet'}`}
    >
      {machine.edges.map((edge) => (
        <Way key={`${edge.from} ${edge.to}`} machine={machine} edge={edge} />
      ))}
      {lit ? <Way key="lit" machine={machine} edge={lit} isLit /> : null}
      {machine.states.map((name) => (
        <State key={name} name={name} x={centre(machine, name)} isLit={name === state} />
      ))}
    </svg>
  );
}

function centre({ states }: Drawn, name: string): number {
  const room = WIDTH - BOX.width - 8;
  return 4 + BOX.width / 2 + (states.indexOf(name) * room) / Math.max(1, states.length - 1);
}

interface StateProps {
  readonly name: string;
  readonly x: number;
  readonly isLit: boolean;
}

function State({ name, x, isLit }: StateProps) {
  return (
    <g class={isLit ? 'state lit' : 'state'}>
      <rect
        x={x - BOX.width / 2}
        y={MIDDLE - BOX.height / 2}
        width={BOX.width}
        height={BOX.height}
        rx={BOX.height / 2}
      />
      <text x={x} y={MIDDLE + 4.5} text-anchor="middle">
        {name}
      </text>
    </g>
  );
}

interface WayProps {
  readonly machine: Drawn;
  readonly edge: Edge;
  readonly isLit?: boolean;
}

function Way({ machine, edge, isLit = false }: WayProps) {
  const { path, head } = drawnWay(machine, edge);
  return (
    <g class={isLit ? 'way lit' : 'way'}>
      <title>{`${edge.from} to ${edge.to}: ${edge.words.join(', ')}`}</title>
      <path d={path} />
      <polygon points={head} />
    </g>
  );
}

function drawnWay(machine: Drawn, { from, to }: Edge): { path: string; head: string } {
  const span = machine.states.indexOf(to) - machine.states.indexOf(from);
  const [start, end] = [centre(machine, from), centre(machine, to)];
  if (span === 1) {
    const [left, right] = [start + BOX.width / 2, end - BOX.width / 2 - 2];
    return {
      path: `M${left} ${MIDDLE}H${right - 6}`,
      head: triangle(right, MIDDLE, 1, 0),
    };
  }
  // Over the line where it leads onward, under it where it leads back; the longer outside.
  const [side, length] = span > 0 ? [-1, span] : [1, -span];
  const edgeOfBox = MIDDLE + (side * BOX.height) / 2;
  const shift = side * (SPREAD * length - BOX.width / 4);
  const [first, second] = [start + shift, end - shift];
  const turn = edgeOfBox + side * (RISE * length + 12);
  const tip = edgeOfBox + side * 2;
  return {
    path: `M${first} ${edgeOfBox}C${first} ${turn} ${second} ${turn} ${second} ${tip + side * 6}`,
    head: triangle(second, tip, 0, -side),
  };
}

/** An arrow head with its tip at a point, looking along an axis. */
function triangle(x: number, y: number, dx: number, dy: number): string {
  const [backX, backY] = [x - 7 * dx, y - 7 * dy];
  return `${x},${y} ${backX - 3.5 * dy},${backY - 3.5 * dx} ${backX + 3.5 * dy},${backY + 3.5 * dx}`;
}

interface StripProps {
  readonly name: string;
  readonly states: readonly string[];
  readonly state: string;
}

/** A machine as one line of words, of which one is lit. */
export function MachineStrip({ name, states, state }: StripProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class="unseen">{state}</span>
        {states.map((one) => (
          <span key={one} class={one === state ? 'word lit' : 'word'} aria-hidden="true">
            {one}
          </span>
        ))}
      </dd>
    </div>
  );
}
