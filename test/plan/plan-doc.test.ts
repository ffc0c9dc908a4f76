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
  const interfaces = new Map(
    file.statements.filter(ts.isInterfaceDeclaration).map(({ name, members }) => [name.text, members]),
  );
  const fieldsOf = (type: ts.TypeNode | undefined): string[] => {
    if (type === undefined) return [];
    if (ts.isIntersectionTypeNode(type)) return type.types.flatMap(fieldsOf);
    if (ts.isTypeLiteralNode(type)) return properties(type.members).map(nameOf);
    return properties(interfaces.get(type.getText(file))).map(nameOf);
  };
  const kinds = properties(interfaces.get('StepFields'));
  return Object.fromEntries(kinds.map((kind) => [nameOf(kind), fieldsOf(kind.type)]));
}

function properties(members: Iterable<ts.TypeElement> = []): ts.PropertySignature[] {
  return [...members].flatMap((member) => (ts.isPropertySignature(member) ? [member] : []));
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
