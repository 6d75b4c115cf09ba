// The types of the subpaths name the main entry by the package, so they are one text in both formats.
import { copyFileSync } from 'node:fs';

for (const name of ['testing', 'react']) copyFileSync(`dist/${name}.d.mts`, `dist/${name}.d.cts`);
