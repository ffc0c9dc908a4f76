/** weightNote(): weights of block I/O that nothing heeds. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { weightNote } from '../../../src/engine/container/weight-note.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hutch-weight-'));
after(() => rmSync(scratch, { recursive: true }));

const COSTS = 'sys/fs/cgroup/io.cost.qos';
const SCHEDULER = 'sys/block/sda/queue/scheduler';

function hostWith(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(scratch, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const HOSTS: readonly (readonly [string, Readonly<Record<string, string>>, boolean])[] = [
  ['nothing', {}, true],
  ['other schedulers', { [SCHEDULER]: 'none [mq-deadline] bfq\n', [COSTS]: '8:0 enable=0 ctrl=auto\n' }, true],
  ['bfq', { [SCHEDULER]: 'mq-deadline [bfq] none\n' }, false],
  ['iocost', { [COSTS]: '8:0 enable=1 ctrl=auto rpct=0.00\n' }, false],
];

for (const [name, files, isTold] of HOSTS)
  test(`weightNote() ${isTold ? 'warns of' : 'is silent about'} a weight with ${name}`, () => {
    const root = hostWith(name.replace(' ', '-'), files);
    assert.equal(
      weightNote({ blockIO: { weight: 100 } }, root)?.includes('--blkio-weight has no effect') ?? false,
      isTold,
    );
    assert.equal(weightNote({ pids: { limit: 1 } }, root), null, 'control');
  });
