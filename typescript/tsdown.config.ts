import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsdown';

const { name } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

// Compilers before 5.2 do not know explicit resource management; to later ones it is the same.
const DISPOSABLE = `declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>;
  }
}`;

const common = {
  format: ['esm', 'cjs'] as ('esm' | 'cjs')[],
  platform: 'neutral' as const,
  target: 'es2022',
  fixedExtension: true,
  dts: true,
  banner: { dts: DISPOSABLE },
};

/** The subpaths use the main entry under its name: what a browser loads of that stays one file. */
const main = {
  name: 'main-entry',
  resolveId: {
    order: 'pre' as const,
    handler: (source: string) => (source === '../index' ? { id: name, external: true } : undefined),
  },
};

const subpaths = {
  ...common,
  entry: { testing: 'src/testing/index.ts', react: 'src/react/index.ts' },
  deps: { neverBundle: ['react', 'ws', name] },
  plugins: [main],
};

export default defineConfig([
  { ...common, entry: { index: 'src/index.ts' }, deps: { neverBundle: ['ws'] } },
  { ...subpaths, format: 'esm' },
  // Their types hold no path: those of the other format are copied.
  { ...subpaths, format: 'cjs', dts: false },
]);
