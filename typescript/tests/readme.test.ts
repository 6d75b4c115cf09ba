// The blocks of the README run as printed, against the demonstration server; reload.test.ts has the
// one that is a page.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { within } from './peer';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PRINTED = 'ws://127.0.0.1:8787/ws';
const LIMIT_MS = 30_000;
// Below dist, so that the package finds itself by its name.
const FOLDER = `${ROOT}dist/.readme`;

const readme = readFileSync(`${ROOT}README.md`, 'utf8');
const blocks = new Map(
  [...readme.matchAll(/<!-- (?:run|page): (\w+) -->\n```ts\n([\s\S]*?)```/g)].map(
    ([, name, code]) => [name ?? '', code ?? ''],
  ),
);

/** The demonstration server: a running one by environment, else the one of this checkout. */
async function demonstration(): Promise<{ url: string; stop: () => void }> {
  const given = process.env.SMOOTH_OPERATOR_URL;
  if (given) return { url: given, stop: () => {} };
  const program = `${ROOT}../.venv/bin/smooth-operator-server`;
  if (!existsSync(program)) throw new Error('no demonstration server: run `make setup-python`');
  const server = spawn(program, ['--demo', '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = createInterface({ input: server.stdout });
  const first = new Promise<string>((resolve) => lines.once('line', resolve));
  const line = await within('the address', first, LIMIT_MS);
  return { url: line.replace('listening on ', '').trim(), stop: () => server.kill() };
}

describe('README', () => {
  let server: Awaited<ReturnType<typeof demonstration>>;

  beforeAll(async () => {
    server = await demonstration();
    mkdirSync(FOLDER, { recursive: true });
    for (const [name, code] of blocks) writeFileSync(`${FOLDER}/${name}.mts`, code);
    for (const [name, code] of blocks) {
      writeFileSync(`${FOLDER}/${name}.mjs`, code.replaceAll(PRINTED, server.url));
    }
  }, LIMIT_MS);

  afterAll(() => {
    server.stop();
    rmSync(FOLDER, { recursive: true });
  });

  it.each([
    ['quickstart', ['17-day return window', 'returns.md']],
    ['questions', ['approved:', 'completed']],
    ['stop', ['cancelled', 'TimeoutError']],
    ['lost', ['connecting', 'open', 'true', '0', 'closed']],
    ['resume', ['1 ', '2 ', '5 ']],
    ['handlers', ['completed']],
  ])(
    'the block %s runs as printed',
    async (name, shown) => {
      expect(blocks.get(name)).toContain(PRINTED);
      const { stdout } = await run('node', [`${FOLDER}/${name}.mjs`], { timeout: LIMIT_MS });
      for (const text of shown) expect(stdout).toContain(text);
    },
    LIMIT_MS,
  );

  it(
    'every block is checked by the compiler, with the published types',
    async () => {
      const names = ['quickstart', 'questions', 'handlers', 'stop', 'lost', 'resume', 'reload'];
      expect([...blocks.keys()]).toEqual(names);
      const files = [...blocks.keys()].map((name) => `${FOLDER}/${name}.mts`);
      const strict = [
        '--ignoreConfig',
        '--strict',
        '--skipLibCheck', // the published types themselves are checked by package.test.ts
        '--noEmit',
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--types',
        'node',
      ];
      await run(`${ROOT}../node_modules/.bin/tsc`, [...strict, ...files], { cwd: ROOT });
    },
    LIMIT_MS,
  );
});
