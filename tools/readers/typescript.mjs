// Prints which module of a TypeScript package uses which other, one JSON object a line. Imports for
// the type checker alone are left out.
//
//     node tools/readers/typescript.mjs FOLDER
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: typescript.mjs FOLDER');
  process.exit(2);
}

/** Returns the file that a relative import names: sources are imported under the name of their output. */
function fileOf(from, target) {
  const path = posix.normalize(posix.join(posix.dirname(from), target)).replace(/\.js$/, '');
  const tries = [`${path}.ts`, `${path}.tsx`, `${path}/index.ts`];
  return tries.find((name) => existsSync(join(folder, name)));
}

/** Tells whether nothing of a declaration is left when the types are gone. */
function onlyTypes(node) {
  const clause = ts.isImportDeclaration(node) ? node.importClause : node;
  if (clause?.isTypeOnly) return true;
  const names = ts.isImportDeclaration(node) ? clause?.namedBindings : node.exportClause;
  if (names === undefined || !('elements' in names) || clause?.name !== undefined) return false;
  return names.elements.length > 0 && names.elements.every((one) => one.isTypeOnly);
}

/** Yields each module specifier with its position. */
function* specifiers(node) {
  const declared = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
  if (declared && node.moduleSpecifier !== undefined && !onlyTypes(node)) yield node.moduleSpecifier;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [target] = node.arguments;
    if (target !== undefined && ts.isStringLiteralLike(target)) yield target;
  }
  const children = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* specifiers(child);
}

const names = readdirSync(folder, { recursive: true })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
  .sort();
for (const from of names) {
  const text = readFileSync(join(folder, from), 'utf8');
  const source = ts.createSourceFile(from, text, ts.ScriptTarget.Latest, true);
  for (const specifier of specifiers(source)) {
    const line = source.getLineAndCharacterOfPosition(specifier.getStart()).line + 1;
    const to = specifier.text.startsWith('.') ? fileOf(from, specifier.text) : undefined;
    console.log(JSON.stringify(to === undefined ? { from, line, outside: specifier.text } : { from, line, to }));
  }
}
