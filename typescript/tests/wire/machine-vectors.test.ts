// The machines as printed step as the tables say: every vector of spec/vectors/machines.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as steps from '../../src/wire/steps';

interface Table {
  readonly machine: string;
  readonly initial: string;
  readonly states: readonly string[];
  readonly quiet: Record<string, readonly string[]>;
  readonly untouched: Record<string, readonly steps.StepEvent[]>;
  readonly vectors: readonly {
    readonly state: string;
    readonly event: steps.StepEvent;
    readonly facts: Record<string, unknown>;
    readonly to: string;
    readonly effects: readonly string[];
  }[];
}

type AnyMachine = steps.Machine<string, object>;

const FOLDER = new URL('../../../spec/vectors/machines/', import.meta.url);
const tables = readdirSync(FOLDER).map((name): Table =>
  JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')),
);
const machines = (Object.values(steps) as unknown[]).filter(
  (value): value is AnyMachine => typeof value === 'object' && value !== null && 'rows' in value,
);

const machineOf = (name: string): AnyMachine => {
  const found = machines.find((machine) => machine.name === name);
  if (found === undefined) throw new Error(`no machine ${name}`);
  return found;
};

const camel = (name: string): string =>
  name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const factsOf = (raw: Record<string, unknown>): steps.Facts =>
  Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      camel(name),
      Array.isArray(value) ? new Set(value) : value,
    ]),
  );

const said = (effect: object): string => {
  const [name, ...args] = Object.values(effect);
  return args.length > 0 ? `${name}(${args.join(', ')})` : String(name);
};

describe.each(tables)('REQ-TURN-27: the machine $machine', (table) => {
  const machine = machineOf(table.machine);

  it('steps by every row and guard as the vectors say', () => {
    expect([machine.initial, machine.states]).toEqual([table.initial, table.states]);
    for (const { state, event, facts, to, effects } of table.vectors) {
      const found = steps.step(machine, state, event, factsOf(facts));
      const seen = { state: found.state, effects: found.effects.map(said) };
      expect(seen, JSON.stringify({ state, event, facts })).toEqual({ state: to, effects });
    }
  });

  it('stays where no row takes an event', () => {
    for (const [state, events] of Object.entries(table.untouched)) {
      for (const event of events) {
        expect(steps.step(machine, state, event, {})).toEqual({ state, effects: [] });
      }
    }
  });

  it('is quiet where the vectors say so', () => {
    const quiet = Object.entries(machine.quiet).map(([state, set]) => [state, [...(set ?? [])]]);
    expect(Object.fromEntries(quiet)).toEqual(table.quiet);
  });
});

it('no machine is without vectors', () => {
  expect(machines.map((machine) => machine.name).sort()).toEqual(
    tables.map((table) => table.machine).sort(),
  );
});
