// The package as it is published: what `npm pack` would ship, used from outside.
import { execFile } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  mkdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

const USE = `
import { type ServerEvent, SmoothAgentClient, TurnInterruptedError } from '@smooai/smooth-operator';
import { VirtualClock } from '@smooai/smooth-operator/testing';

const client = new SmoothAgentClient({ url: 'ws://127.0.0.1:1/ws', clock: new VirtualClock() });
function text(event: ServerEvent): string {
  switch (event.type) {
    case 'stream_token': return event.token;
    case 'interaction_required': return event.kind;
    case 'unknown': return event.wireType;
    default: return event.type;
  }
}
export async function ask(agentId: string): Promise<string> {
  const chat = await client.startConversation({ agentId });
  const turn = chat.send('hello', { stream: false });
  for await (const event of turn) text(event);
  try {
    return (await turn).text;
  } catch (error) {
    return error instanceof TurnInterruptedError ? String(error.openQuestion) : '';
  }
}
`;

describe('the package', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(`${tmpdir()}/smooth-operator-`);
    mkdirSync(`${folder}/node_modules/@smooai`, { recursive: true });
    symlinkSync(ROOT, `${folder}/node_modules/@smooai/smooth-operator`);
    for (const type of ['mts', 'cts']) writeFileSync(`${folder}/use.${type}`, USE);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['mts', 'cts'])(
    'has types that need neither DOM nor Node (%s)',
    async (type) => {
      const world = { module: 'nodenext', target: 'es2022', lib: ['es2022'], types: [] };
      const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
      const config = {
        compilerOptions: { ...world, ...strict, noEmit: true },
        files: [`use.${type}`],
      };
      writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
      const { stdout } = await run(`${ROOT}/../node_modules/.bin/tsc`, [], { cwd: folder }).catch(
        (error) => error,
      );
      expect(stdout).toBe('');
    },
    30_000,
  );

  it.each([
    ['mjs', "import { SmoothAgentClient as C } from '@smooai/smooth-operator';"],
    ['cjs', "const { SmoothAgentClient: C } = require('@smooai/smooth-operator');"],
  ])('loads as %s', async (type, load) => {
    writeFileSync(
      `${folder}/load.${type}`,
      `${load} console.log(new C({ url: 'ws://h/' }).state);`,
    );
    expect((await run('node', [`load.${type}`], { cwd: folder })).stdout).toBe('idle\n');
  });

  it('asks for nothing but an optional ws and an optional React', () => {
    const about = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
    const peers = Object.keys(about.peerDependencies);
    expect([about.dependencies, peers]).toEqual([undefined, ['react', 'ws']]);
    const { react, ws } = about.peerDependenciesMeta;
    expect([react.optional, ws.optional]).toEqual([true, true]);
  });

  it('stays small: the main entry is under 39.1 kB, minified and packed', async () => {
    // The minifier is the bundler's own; every file that a browser loads counts.
    const out = `${folder}/min`;
    const tsdown = `${ROOT}/../node_modules/.bin/tsdown`;
    const quiet = ['--logLevel', 'error', '--no-dts', '--minify'];
    await run(tsdown, [...quiet, '--format', 'esm', '--out-dir', out], { cwd: ROOT });
    const loaded = readdirSync(out).filter((name) => !/testing|react|loopback|node-/.test(name));
    const sizes = loaded.map((name) => gzipSync(readFileSync(`${out}/${name}`)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(39_100);
  }, 30_000);
});
