// Replay frames through generated TypeScript: JSON lines in, one verdict a line out.
// A line in: {protocol, role, name, text}; a line out: {outcome, problem, encoded}.
import { createInterface } from 'node:readline';
import * as protocols from './protocols';

interface Line {
  readonly protocol: string;
  readonly role: 'event' | 'result' | 'type';
  readonly name: string;
  readonly text: string;
}

/** A type by itself is repaired and checked by the tables, as where it lies in an event. */
function typed(line: Line): unknown {
  const { repair, faultOf, mendSurrogates } = (protocols as any)[`${line.protocol}_repair`];
  const { SHAPES, OTHER_SHAPES } = (protocols as any)[`${line.protocol}_shapes`];
  const shapes = { ...SHAPES, ...OTHER_SHAPES };
  const { parseJson } = (protocols as any)[`${line.protocol}_json`];
  const tree: unknown = parseJson(mendSurrogates(line.text));
  repair(tree, line.name, shapes);
  const problem = faultOf(tree, line.name, shapes, false);
  return problem === undefined ? { outcome: 'good', encoded: tree } : { outcome: 'broken', problem };
}

function replay(line: Line): unknown {
  if (line.role === 'type') return typed(line);
  const wire: any = (protocols as any)[line.protocol];
  let event: any;
  try {
    event = wire.decodeEvent(line.text);
  } catch (error) {
    if (error instanceof wire.MalformedFrame) return { outcome: 'malformed' };
    if (error instanceof wire.DecodeError) return { outcome: 'broken', problem: (error as any).problem };
    throw error;
  }
  if (event.wireType !== undefined && event.toJSON() === event.raw && event.constructor.name === 'UnknownView') {
    return { outcome: 'unknown', encoded: event.raw };
  }
  if (line.role === 'event') return { outcome: 'good', encoded: JSON.parse(wire.encodeEvent(event)) };
  try {
    return { outcome: 'good', encoded: wire.decodeResult(line.name, event) };
  } catch (error) {
    if (error instanceof wire.DecodeError) return { outcome: 'broken', problem: (error as any).problem };
    throw error;
  }
}

createInterface({ input: process.stdin }).on('line', (text) => {
  console.log(JSON.stringify(replay(JSON.parse(text))));
});
