/** The layer rules hold in this tree, and each kind of rule can fail: a scratch tree breaks them on purpose. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { cruise, PROJECT } from './cruise.ts';

interface Row {
  readonly may: readonly string[];
  readonly types?: readonly string[];
  readonly because: string;
}
const config: unknown = await import(new URL('../../.config/dependency-cruiser.mjs', import.meta.url).href);
const { LAYERS } = config as { readonly LAYERS: Readonly<Record<string, Row>> };

/** Each line breaks exactly the rule named first: [rule, importing file, import statement]. */
const BREACHES: readonly (readonly [rule: string, file: string, statement: string])[] = [
  ['layer-errors', 'src/errors/a.ts', `import '../linux/flags.ts';`],
  ['layer-host', 'src/host/a.ts', `import type { F } from '../oci/spec.ts';`],
  ['layer-engine', 'src/engine/a.ts', `import '../syscall/call.ts';`],
  ['layer-cli', 'src/cli/a.ts', `import '../host/probe.ts';`],
  ['layer-commands', 'commands/a.ts', `import '../src/host/probe.ts';`],
  ['layer-main', 'src/main.ts', `import './host/probe.ts';`],
  ['layer-unpack', 'src/unpack/a.ts', `import '../images/store/blob.ts';`],
  ['layer-unpack-types', 'src/unpack/b.ts', `import { F } from '../images/layer/entry.ts'; F;`],
  ['layer-is-declared', 'src/cli/b.ts', `import '../extra/thing.ts';`],
  ['layer-is-declared-from', 'src/extra/a.ts', `import '../errors/base.ts';`],
  ['pure-layers-touch-no-host', 'src/plan/a.ts', `import 'node:fs';`],
  ['pure-layers-touch-no-host', 'src/oci/a.ts', `import 'koffi';`],
  ['driver-families-are-siblings', 'src/drivers/network/a.ts', `import '../cgroup/none/none.ts';`],
  ['drivers-are-siblings', 'src/drivers/network/pasta/a.ts', `import '../none/none.ts';`],
  ['koffi-in-syscall-only', 'src/host/b.ts', `import 'koffi';`],
  ['child-process-where-processes-start', 'src/state/a.ts', `import 'node:child_process';`],
  ['oclif-in-cli-only', 'src/engine/b.ts', `import '@oclif/core';`],
  ['lockfile-in-state-only', 'src/images/a.ts', `import 'proper-lockfile';`],
  ['programs-are-not-imported', 'src/monitor/a.ts', `import '../init/main.ts';`],
  ['no-circular', 'src/linux/b.ts', `import './flags.ts';`],
  ['commands-by-the-table-only', 'src/cli/c.ts', `import '../../commands/b.ts';`],
  [
    'commands-are-loaded-lazily',
    'src/cli/command-table.ts',
    `import '../../commands/b.ts'; import('../../commands/c.ts');`,
  ],
  ['not-to-unresolvable', 'src/host/c.ts', `import './nowhere.ts';`],
];

/** Files that break nothing, some of them close to a breach. */
const SOUND: Readonly<Record<string, string>> = {
  'src/linux/flags.ts': `import './b.ts';`,
  'src/errors/base.ts': '',
  'src/oci/spec.ts': 'export type F = 1;',
  'src/syscall/call.ts': `import 'koffi';`,
  'src/host/probe.ts': `import 'node:child_process';`,
  'src/plan/order.ts': `import { posix } from 'node:path'; posix;`,
  'src/images/store/blob.ts': '',
  'src/images/layer/entry.ts': 'export const F = 1;',
  'src/unpack/c.ts': `import type { F } from '../images/layer/entry.ts';`,
  'src/drivers/cgroup/none/none.ts': '',
  'src/drivers/network/driver.ts': '',
  'src/drivers/network/none/none.ts': `import '../driver.ts';`,
  'src/init/main.ts': '',
  'src/extra/thing.ts': '',
  'src/state/lock.ts': `import 'proper-lockfile';`,
  'src/cli/base.ts': `import '@oclif/core';`,
  'commands/b.ts': '',
  'commands/c.ts': `import '../src/cli/command-table.ts';`,
};

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-layers-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

function write(file: string, text: string): void {
  const target = path.join(scratch, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function writeScratchTree(): void {
  const packages = ['koffi', '@oclif/core', 'proper-lockfile'];
  write('tsconfig.json', '{"compilerOptions": {"module": "nodenext"}}');
  write('package.json', JSON.stringify({ dependencies: Object.fromEntries(packages.map((name) => [name, '1.0.0'])) }));
  for (const name of packages) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', exports: './index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  for (const [file, text] of Object.entries(SOUND)) write(file, text);
  for (const [, file, statement] of BREACHES) write(file, statement);
}

test('layer rules find no violation in this tree', () => {
  const { modules, violations } = cruise(PROJECT);
  assert.ok(modules > 20, `the cruiser saw only ${modules} modules`);
  assert.deepEqual(violations, []);
});

test('layer rules catch each deliberate breach and accuse no sound file', () => {
  writeScratchTree();
  const { violations } = cruise(scratch);
  for (const [rule, file] of BREACHES) {
    assert.ok(
      violations.some((violation) => violation.startsWith(`${rule}: ${file} -> `)),
      `${rule} missed ${file}; found:\n${violations.join('\n')}`,
    );
  }
  const accused = Object.keys(SOUND).filter((file) =>
    violations.some((violation) => violation.includes(`: ${file} -> `)),
  );
  assert.deepEqual(accused, []);
});

test('LAYERS orders the folders so that each row imports only rows above it', () => {
  const names = Object.keys(LAYERS);
  for (const [name, { may, types = [], because }] of Object.entries(LAYERS)) {
    assert.ok(because.length > 20, `${name} has no written reason`);
    for (const below of [...may, ...types.map((folder) => folder.split('/', 1).join())]) {
      assert.ok(names.includes(below), `${name} imports ${below}, which has no row`);
      assert.ok(names.indexOf(below) < names.indexOf(name), `${name} imports ${below}, which is not above it`);
    }
  }
});

test('LAYERS has a row for every folder of src', () => {
  const folders = readdirSync(path.join(PROJECT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  assert.deepEqual(
    folders.filter((name) => !(name in LAYERS)),
    [],
  );
});
