import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const SERVER = '127.0.0.1:8787';

export default defineConfig({
  // The page may lie below any address: everything is named as seen from it.
  base: './',
  resolve: {
    alias: {
      '@wire': fileURLToPath(new URL('../../../typescript/src/wire', import.meta.url)),
    },
  },
  build: {
    target: 'es2022',
    // Browsers that know light-dark() and color-mix().
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsDir: 'playground',
    // What is inlined as a data: URL would need a wider policy than the server sends.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'playground/licenses.md' },
  },
  server: {
    proxy: {
      '/ws': { target: `ws://${SERVER}`, ws: true },
      '/playground/config.json': `http://${SERVER}`,
    },
  },
});
