// Decode of one frame in TypeScript against `JSON.parse`, alternating rounds in one process.
import { readFileSync } from 'node:fs';
import { decodeEvent } from '../../typescript/dist/index.mjs';

const ROUNDS = 25;
const frames = JSON.parse(readFileSync(new URL('./frames.json', import.meta.url), 'utf8'));
let sink = 0;

function nanoseconds(run, text, count) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) sink += run(text).type === undefined ? 1 : 0;
  return Number(process.hrtime.bigint() - start) / count;
}

for (const [frame, text] of Object.entries(frames)) {
  const plain = [];
  const decode = [];
  for (let round = 0; round < ROUNDS + 10; round++) {
    const one = nanoseconds(JSON.parse, text, 20_000);
    const two = nanoseconds(decodeEvent, text, 20_000);
    if (round >= 10) {
      plain.push(one);
      decode.push(two);
    }
  }
  console.log(JSON.stringify({ frame, plain, decode, sink }));
}
