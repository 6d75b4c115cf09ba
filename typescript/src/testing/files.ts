/** What is used of a platform's files. */
interface Files {
  readFile(path: string, encoding: 'utf8'): Promise<string>;
  writeFile(path: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

interface Platform {
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

/** The files of Node, Deno and Bun; bundlers for browsers see no import of them. */
export async function files(): Promise<Files> {
  const name = 'node:fs/promises';
  const found = (globalThis as Platform).process?.getBuiltinModule?.(name);
  try {
    return (found ?? (await import(/* @vite-ignore */ /* webpackIgnore: true */ name))) as Files;
  } catch (cause) {
    throw new TypeError('a cassette needs files, which this platform does not have', { cause });
  }
}
