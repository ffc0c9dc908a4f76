/** docs/plan.md names every kind of step with its fields, and no other. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');

/** Names of the fields of each kind, as src/plan/step.ts declares them. */
function declaredKinds(): Record<string, string[]> {
  const source = readFileSync(join(ROOT, 'src/plan/step.ts'), 'utf8');
  const file = ts.createSourceFile('step.ts', source, ts.ScriptTarget.Latest);
  const fields = file.statements.filter(ts.isInterfaceDeclaration).find(({ name }) => name.text === 'StepFields');
  return Object.fromEntries(properties(fields?.members).map((kind) => [nameOf(kind), inside(kind)]));
}

function properties(members: readonly ts.TypeElement[] = []): ts.PropertySignature[] {
  return members.flatMap((member) => (ts.isPropertySignature(member) ? [member] : []));
}

function inside({ type }: ts.PropertySignature): string[] {
  return type !== undefined && ts.isTypeLiteralNode(type) ? properties(type.members).map(nameOf) : [];
}

function nameOf({ name }: ts.PropertySignature): string {
  return ts.isIdentifier(name) ? name.text : '';
}

/** The same from the rows of the table. */
function documentedKinds(): Record<string, string[]> {
  const rows = (readFileSync(join(ROOT, 'docs/plan.md'), 'utf8').split('## Kinds of steps')[1] ?? '').matchAll(
    /^\| `(\w+)` +\| ([^|]*?) *\|/gmu,
  );
  return Object.fromEntries(
    [...rows].map(([, kind = '', fields = '']) => [
      kind,
      [...fields.matchAll(/`(\w+)`/gu)].map((match) => match[1] ?? ''),
    ]),
  );
}

test('docs/plan.md has a row for each kind of step, with all of its fields', () => {
  const declared = declaredKinds();
  assert.ok(Object.keys(declared).length > 30, 'the declarations were found');
  assert.deepEqual(documentedKinds(), declared);
});
