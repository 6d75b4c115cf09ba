import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsdown';

const { name } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

const common = {
  format: ['esm', 'cjs'] as ('esm' | 'cjs')[],
  platform: 'neutral' as const,
  target: 'es2022',
  fixedExtension: true,
  dts: true,
  // Whoever uses the package need not know that its types use explicit resource management.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
};

/** The subpaths use the main entry under its name: what a browser loads of that stays one file. */
const main = {
  name: 'main-entry',
  resolveId: {
    order: 'pre' as const,
    handler: (source: string) => (source === '../index' ? { id: name, external: true } : undefined),
  },
};

export default defineConfig([
  { ...common, entry: { index: 'src/index.ts' }, deps: { neverBundle: ['ws'] } },
  {
    ...common,
    entry: { testing: 'src/testing/index.ts', react: 'src/react/index.ts' },
    deps: { neverBundle: ['react', 'ws', name] },
    plugins: [main],
  },
]);
