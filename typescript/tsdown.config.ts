import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { index: 'src/index.ts', testing: 'src/testing/index.ts' },
  format: ['esm', 'cjs'],
  platform: 'neutral',
  target: 'es2022',
  fixedExtension: true,
  dts: true,
  // Whoever uses the package need not know that its types use explicit resource management.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
  deps: { neverBundle: ['ws'] },
});
