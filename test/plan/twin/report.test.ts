/** The comparison of the twin test itself: what it sees and what it passes over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differencesOf, namespacesOf, parseReport } from './report.ts';

const MOUNTS = `@mounts
10 9 0:40 / / rw - overlay overlay rw
11 10 0:41 / /proc rw - proc proc rw
12 10 254:0 /home/u/.local/share/hutch/containers/${'a'.repeat(64)}/hosts /etc/hosts rw - ext4 /dev/vda rw
`;
const RUN = parseReport(`${MOUNTS}@ids\nuid=0(root)\n@namespaces\npid pid:[1]\n`);

test('differencesOf() passes over numbers that are new each time and over the container directory', () => {
  const script = MOUNTS.replaceAll(/^1(\d) (?:9|10)/gmu, (_, n: string) => `7${n} ${n === '0' ? '5' : '70'}`)
    .replaceAll('0:4', '0:6')
    .replace(/\/home\S+\/hosts/u, '/tmp/hutch-plan-0123456789ab/hosts');
  assert.notEqual(script, MOUNTS);
  assert.deepEqual(differencesOf(RUN, { ...RUN, ...parseReport(script) }), []);
});

for (const [what, from, to] of [
  ['an attribute', '/proc rw', '/proc ro'],
  ['another parent', '11 10', '11 99'],
  ['another file system', 'proc proc', 'tmpfs tmpfs'],
  ['a shared file system', '11 10 0:41', '11 10 0:40'],
] as const) {
  test(`differencesOf() sees ${what} of a mount`, () => {
    const script = parseReport(MOUNTS.replace(from, to));
    assert.ok(differencesOf(RUN, { ...RUN, ...script }).length > 0);
  });
}

test('differencesOf() sees a line that one side lacks', () => {
  assert.deepEqual(differencesOf(RUN, { ...RUN, ids: [] }), [{ section: 'ids', run: 'uid=0(root)' }]);
});

test('namespacesOf() reads the ids by name', () => {
  assert.deepEqual(namespacesOf(RUN), { pid: 'pid:[1]' });
});
