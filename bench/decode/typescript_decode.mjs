// Decode of one frame in TypeScript against `JSON.parse`, alternating rounds in one process.
import { readFileSync } from 'node:fs';
import { decodeEvent } from '../../typescript/dist/index.mjs';

// Short rounds, so that what else the machine does falls on both sides.
const ROUNDS = 201;
const WARM_UP = 100;
const CALLS = 5_000;
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
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    const one = nanoseconds(JSON.parse, text, CALLS);
    const two = nanoseconds(decodeEvent, text, CALLS);
    if (round >= WARM_UP) {
      plain.push(one);
      decode.push(two);
    }
  }
  console.log(JSON.stringify({ frame, plain, decode, sink }));
}
