/** A file is followed without inotify, too. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { hostSkip } from '../e2e/sandbox.ts';

const PROGRAM = `
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { PathWatch } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/monitor/watch-path.ts'))};
const file = process.argv[1];
writeFileSync(file, 'a');
const holds = setTimeout(() => process.exit(1), 20_000);
const watch = new PathWatch(file, () => {
  watch[Symbol.dispose]();
  clearTimeout(holds);
  console.log('heard');
}, 50);
const links = readdirSync('/proc/self/fd').map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } });
console.log(links.some((link) => link.includes('inotify')) ? 'watches' : 'looks');
writeFileSync(file, 'bc');
`;

for (const [instances, how] of [
  ['0', 'looks'],
  ['8', 'watches'],
] as const)
  test(`PathWatch ${how} where a user may have ${instances} instances of inotify`, { skip: hostSkip() }, () => {
    const script = `echo ${instances} >/proc/sys/user/max_inotify_instances && file=$(mktemp) && "$@" "$file"; code=$?; rm -f "$file"; exit $code`;
    const node = [process.execPath, '--no-warnings', '--input-type=module', '-e', PROGRAM];
    const { stdout, stderr } = spawnSync('unshare', ['-Ur', 'sh', '-c', script, 'sh', ...node], { encoding: 'utf8' });
    assert.deepEqual([stdout, stderr], [`${how}\nheard\n`, '']);
  });
