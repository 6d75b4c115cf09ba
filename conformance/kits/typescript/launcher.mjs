// The fake server of the TypeScript client as a program: --script FILE --port N. It says where it
// listens and ends with its stdin or SIGTERM.
import { fstatSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { FakeServer } from "@smooai/smooth-operator/testing";

const { values } = parseArgs({
  options: {
    script: { type: "string" },
    port: { type: "string", default: "0" },
  },
});
const server = new FakeServer();
if (values.script)
  server.script(JSON.parse(await readFile(values.script, "utf8")));
console.log(`listening on ${await server.listen(Number(values.port))}`);

async function end() {
  await server.close();
  process.exit(0);
}
process.once("SIGTERM", end);
// Whoever holds the other end of a pipe ends the server by closing it; a file or a terminal is no such.
if (fstatSync(0).isFIFO()) process.stdin.once("end", end).resume();
