// The drawing says what the table says.
import { step, TURN } from '@wire/steps';
import { describe, expect, it } from 'vitest';
import { LINK_DRAWN, QUESTIONS_DRAWN, TURN_DRAWN } from '../src/model/machine';

describe('the drawing of a machine', () => {
  it('has the states of the table, and no way from a state to itself', () => {
    expect(TURN_DRAWN.states).toEqual(TURN.states);
    expect(TURN_DRAWN.edges.filter(({ from, to }) => from === to)).toEqual([]);
    expect(LINK_DRAWN.states).toContain('reconnecting');
    expect(QUESTIONS_DRAWN.map(({ name }) => name)).toEqual(['confirmation', 'otp', 'interaction']);
  });

  it('has a way for every step that leads elsewhere without a fact', () => {
    const ways = new Set(TURN_DRAWN.edges.map(({ from, to }) => `${from} ${to}`));
    for (const from of TURN.states) {
      for (const word of TURN.rows.keys()) {
        const { state: to } = step(TURN, from, word, {});
        if (to !== from) expect(ways).toContain(`${from} ${to}`);
      }
    }
  });

  it('leads out of a turn that is over by no way', () => {
    expect(TURN_DRAWN.edges.filter(({ from }) => from === 'settled')).toEqual([]);
    expect(TURN_DRAWN.edges).toContainEqual({
      from: 'suspended',
      to: 'running',
      words: ['turn_resumed'],
    });
  });
});
