import { afterEach, describe, expect, it } from 'vitest';
import { SlowConsumerError, type TurnItem } from '../src/index';
import { fastPaths } from '../src/options-fast-paths';
import { connected, final, rejection, running, token, until } from './setup';

const KEPT = 1_024;

afterEach(() => {
  fastPaths.learned = true;
  fastPaths.quiet = true;
});

const read = async (items: AsyncIterable<TurnItem>): Promise<TurnItem[]> => {
  const seen: TurnItem[] = [];
  for await (const item of items) seen.push(item);
  return seen;
};
const textOf = (items: readonly TurnItem[]): string =>
  items.map((one) => (one.type === 'stream_token' ? one.token : '')).join('');
const countOf = (items: readonly TurnItem[]): number =>
  items.reduce((sum, one) => sum + (one.merged ?? 1), 0);
const chunk = (requestId: string): object => ({
  type: 'stream_chunk',
  requestId,
  data: { requestId, node: 'n', state: {} },
});

describe.each([true, false])('items of a turn, shorter ways: %s', (fast) => {
  it('REQ-TURN-21 beyond the bound adjacent tokens are one item, and no text is lost', async () => {
    fastPaths.learned = fast;
    fastPaths.quiet = fast;
    const stageOf = await connected();
    const { turn, requestId } = await running(stageOf);
    const early = turn().events();
    const reading = read(early);
    const tokens = Array.from({ length: 3_000 }, (_, n) => `${n} `);
    stageOf.link.send(...tokens.map((text) => token(requestId, text)), final(requestId));
    const { text } = await turn();
    for (const items of [await reading, await read(turn()), turn().items]) {
      expect(textOf(items)).toBe(tokens.join(''));
      expect(countOf(items)).toBe(3_001);
      expect(items.at(-1)?.type).toBe('eventual_response');
    }
    expect(turn().items).toHaveLength(KEPT);
    expect(text).toBe('done');
    const merged = turn().items.find((one) => one.merged !== undefined);
    expect(merged?.raw).toEqual(token(requestId, '2999 '));
    expect(JSON.parse(JSON.stringify(merged))).toMatchObject({
      type: 'stream_token',
      data: { requestId, token: textOf(merged ? [merged] : []) },
    });
  });

  it('REQ-TURN-21 up to the bound every iterator sees every item as it came', async () => {
    fastPaths.quiet = fast;
    const stageOf = await connected();
    const { turn, requestId } = await running(stageOf);
    const tokens = Array.from({ length: KEPT - 1 }, () => token(requestId, 'x'));
    stageOf.link.send(...tokens, final(requestId));
    await turn();
    const items = await read(turn());
    expect(items).toHaveLength(KEPT);
    expect(items.some((one) => one.merged !== undefined)).toBe(false);
  });

  it('REQ-TURN-22 an iterator that nothing can be merged for ends alone', async () => {
    fastPaths.quiet = fast;
    const stageOf = await connected();
    const { turn, requestId } = await running(stageOf);
    const slow = turn().events();
    const quick = read(turn());
    stageOf.link.send(...Array.from({ length: KEPT + 10 }, () => chunk(requestId)));
    await until('all items', () => turn().items.length === KEPT);
    stageOf.link.send(final(requestId));
    expect((await turn()).outcome).toBe('completed');
    expect(await quick).toHaveLength(KEPT + 11);
    const error = await rejection(read(slow));
    expect(error).toBeInstanceOf(SlowConsumerError);
    expect(error).toMatchObject({ kind: 'slow_consumer', requestId });
  });

  it('REQ-TURN-21 more than 8 MiB are no more than a single item', async () => {
    fastPaths.quiet = fast;
    const stageOf = await connected();
    const { turn, requestId } = await running(stageOf);
    const big = 'x'.repeat(900_000);
    stageOf.link.send(...Array.from({ length: 12 }, () => token(requestId, big)), final(requestId));
    await turn();
    expect(turn().items.length).toBeLessThan(6);
    expect(textOf(turn().items)).toHaveLength(12 * 900_000);
    expect(turn().partialText).toHaveLength(12 * 900_000);
  });
});
