"""What the npm package is to those who install it: packed, read, compiled against and bundled.

The tarball is installed into an empty project. Its types are compiled by the oldest and newest
TypeScript in every module mode, every subpath of it; bundles of four bundlers are run by Node.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "typescript"
NAME = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))["name"]
LIMIT_S = 300

COMPILERS = {"ts50": "5.0.4", "ts54": "5.4.5", "ts59": "5.9.3", "ts60": "6.0.3"}
"""TypeScript, the oldest to the newest, by the name that it is installed under."""

MODES = {
    "node10": ("commonjs", "node10"),
    "node16": ("node16", "node16"),
    "nodenext": ("nodenext", "nodenext"),
    "bundler": ("esnext", "bundler"),
}
"""Ways to find a module: `module` and `moduleResolution`."""

TOOLS = {
    "publint": "0.3.25",
    "@arethetypeswrong/cli": "0.18.5",
    "esbuild": "0.28.2",
    "rollup": "4.68.8",
    "@rollup/plugin-node-resolve": "*",
    "@rollup/plugin-commonjs": "*",
    "webpack": "5.113.0",
    "ws": "8.23.0",
    "react": "19.3.1",
}

USE = f"""
import {{ type ServerEvent, SmoothAgentClient, SmoothAgentError }} from '{NAME}';
import {{ FakeServer, type Reply }} from '{NAME}/testing';
import {{ useConversation, type UsedConversation }} from '{NAME}/react';

export async function ask(): Promise<string> {{
  const server = new FakeServer();
  const reply: Reply = server.onMessage('refund').confirm('refund order 7').tokens('Do', 'ne');
  reply.finish();
  const client: SmoothAgentClient = server.client({{ handlers: {{ confirm: () => true }} }});
  const chat = await client.startConversation({{ agentId: '1' }});
  const turn = chat.send('refund');
  for await (const event of turn) told(event);
  try {{
    return (await turn).text;
  }} catch (error) {{
    return SmoothAgentError.is(error) ? error.kind : '';
  }}
}}
function told(event: ServerEvent): string {{
  return event.type === 'stream_token' ? event.token : event.type;
}}
export const used: (chat: undefined) => UsedConversation = useConversation;
"""

RUN = f"""
import {{ SmoothAgentClient }} from '{NAME}';
import {{ FakeServer }} from '{NAME}/testing';
const server = new FakeServer();
server.onMessage().tokens('Do', 'ne').finish();
const chat = await server.conversation();
console.log((await chat.ask('hello')).text);
await server.close();
const client = new SmoothAgentClient({{ url: 'ws://127.0.0.1:1/ws', autoReconnect: false }});
await client.connect().catch((error) => console.log(error.message, error.cause?.message ?? ''));
"""

BUNDLES = """
import { build } from 'esbuild';
import { rollup } from 'rollup';
import resolve from '@rollup/plugin-node-resolve';
import commonjs from '@rollup/plugin-commonjs';
import webpack from 'webpack';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
for (const platform of ['node', 'browser']) {
  const entryPoints = ['run.mjs'];
  const outfile = `out/esbuild-${platform}.mjs`;
  const made = await build({ entryPoints, bundle: true, platform, format: 'esm', outfile });
  if (made.warnings.length > 0) throw new Error(`esbuild ${platform} warns`);
  const browser = platform === 'browser';
  const plugins = [resolve({ browser, preferBuiltins: !browser }), commonjs()];
  const bundle = await rollup({ input: 'run.mjs', plugins, onwarn: () => {} });
  const file = `out/rollup-${platform}.mjs`;
  await bundle.write({ file, format: 'esm', inlineDynamicImports: true });
  await new Promise((done, failed) => {
    const output = { path: `${here}out`, filename: `webpack-${platform}.cjs` };
    const target = platform === 'node' ? 'node20' : 'web';
    webpack(
      { mode: 'development', devtool: false, entry: './run.mjs', target, output },
      (error, stats) => {
        const wrong = stats?.hasErrors() && stats.toString({ all: false, errors: true });
        if (error || wrong) failed(error ?? new Error(wrong));
        else done();
      },
    );
  });
}
"""


class DistError(Exception):
    """The package is not what it has to be; the text says where."""


def run(*command: str, cwd: Path) -> str:
    """Run a program; return what it says.

    Raises:
        DistError: it failed.
    """
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if done.returncode != 0:
        raise DistError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def install(folder: Path) -> None:
    """Pack the package, which builds it, and install it into an empty project."""
    told = run("npm", "pack", "--json", "--pack-destination", str(folder), cwd=PACKAGE)
    tarball = json.loads(told[told.index("[") :])[0]["filename"]
    tools = TOOLS | {alias: f"npm:typescript@{version}" for alias, version in COMPILERS.items()}
    about = {"name": "user", "private": True, "type": "module", "dependencies": tools}
    about["dependencies"] = {**tools, NAME: f"file:./{tarball}"}
    (folder / "package.json").write_text(json.dumps(about), encoding="utf-8")
    run("npm", "install", "--no-audit", "--no-fund", cwd=folder)
    (folder / "package.tgz").symlink_to(tarball)


def check_form(folder: Path) -> None:
    """Let the readers of packages look at the tarball."""
    run("npx", "publint", "--strict", "./package.tgz", cwd=folder)
    run("npx", "attw", "./package.tgz", cwd=folder)


def check_types(folder: Path) -> int:
    """Compile a program against the types, in every mode of every compiler; return how many."""
    count = 0
    for ending in ("mts", "cts", "ts"):
        (folder / f"use.{ending}").write_text(USE, encoding="utf-8")
    for compiler in COMPILERS:
        for mode, (module, resolution) in MODES.items():
            if mode == "node10" and compiler == "ts60":
                continue  # that compiler does not have it any more
            files = ["use.mts", "use.cts"] if mode.startswith("node1") else ["use.ts"]
            files = ["use.ts"] if mode == "node10" else files
            options = {"module": module, "moduleResolution": resolution, "target": "es2022"}
            strict = {"strict": True, "skipLibCheck": False, "types": [], "noEmit": True}
            config = {"compilerOptions": options | strict | {"lib": ["es2022"]}, "files": files}
            (folder / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
            try:
                run("node", f"node_modules/{compiler}/bin/tsc", cwd=folder)
            except DistError as fault:
                raise DistError(f"TypeScript {COMPILERS[compiler]}, {mode}: {fault}") from None
            count += 1
    return count


def check_bundles(folder: Path) -> int:
    """Bundle a program in six ways and run it in five; return how many ran."""
    (folder / "run.mjs").write_text(RUN, encoding="utf-8")
    (folder / "bundles.mjs").write_text(BUNDLES, encoding="utf-8")
    run("node", "bundles.mjs", cwd=folder)
    names = [f"{tool}-{to}.mjs" for tool in ("esbuild", "rollup") for to in ("node", "browser")]
    # What webpack makes for pages asks for a page; it is bundled and not run.
    made = [folder / "out" / name for name in (*names, "webpack-node.cjs")]
    for bundle in made:
        told = run("node", str(bundle), cwd=folder)
        if not told.startswith("Done\n"):
            raise DistError(f"{bundle.name} says {told!r}")
        if "install" in told:
            raise DistError(f"{bundle.name} asks for what it holds: {told!r}")
    return len(made)


def main() -> int:
    """Command line entry; returns the exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="smooth-operator-npm-") as name:
        folder = Path(name)
        try:
            install(folder)
            check_form(folder)
            compiled = check_types(folder)
            bundled = check_bundles(folder)
        except DistError as fault:
            print(f"dist: {fault}", file=sys.stderr)
            return 1
    print(f"dist: {NAME} is read, compiled in {compiled} ways and run from {bundled} bundles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
