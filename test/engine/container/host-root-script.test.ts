/** Unit tests of the script that puts the host's directories into a root. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostRootLines } from '../../../src/engine/container/host-root-script.ts';
import type { Plan, Step } from '../../../src/plan/step.ts';

const why = { spec: 'root.path', text: 'a test' };
const STEPS: readonly Step[] = [
  { kind: 'bind_root', source: '/c/upper', at: '/c/root', why },
  {
    kind: 'overlay_host_directory',
    from: '/c',
    lower: '/etc',
    upper: 'host/etc',
    work: 'work/etc',
    options: ['userxattr', 'volatile'],
    target: '/etc',
    why,
  },
  { kind: 'bind', source: '/srv', target: '/srv', recursive: true, attributes: ['ro'], create: 'directory', why },
  { kind: 'make_symlink', target: '/bin', to: 'usr/bin', why },
  { kind: 'make_directory', target: '/tmp', mode: 0o1777, why },
  {
    kind: 'bind',
    source: '/data',
    target: '/volume',
    recursive: true,
    attributes: [],
    create: 'directory',
    why: { spec: 'mounts[0]', text: 'a volume' },
  },
];

const plan = (steps: readonly Step[]): Plan => ({ steps }) as unknown as Plan;
const script = (use: 'read' | 'write'): string => hostRootLines(plan(STEPS), '/c/root', use).join('\n');

test('hostRootLines() mounts nothing that a reader could write to, and needs no work directory', () => {
  assert.match(script('read'), /-t overlay overlay -o 'lowerdir=host\/etc:\/etc,userxattr' \/c\/root\/etc \|\| exit/u);
  assert.doesNotMatch(script('read'), /upperdir|workdir|volatile/u);
  assert.match(script('read'), /mount -c --rbind \/srv \/c\/root\/srv/u);
});

test('hostRootLines() never binds a directory of the host for a writer: an empty one that is read-only takes its place', () => {
  assert.match(script('write'), /lowerdir=\/etc,upperdir=host\/etc,workdir=work\/etc,userxattr,volatile/u);
  assert.doesNotMatch(script('write'), /bind/u);
  assert.match(script('write'), /-t tmpfs -o 'ro,mode=755' hutch-cover \/c\/root\/srv/u);
});

test('hostRootLines() makes links and directories as a start does, leaves volumes out, and looks at each place first', () => {
  for (const text of [script('read'), script('write')]) {
    assert.match(text, /ln -s -- usr\/bin \/c\/root\/bin/u);
    assert.match(text, /place \/c\/root\/tmp 1777/u);
    assert.doesNotMatch(text, /volume/u);
    for (const at of ['etc', 'srv'])
      assert.ok(text.indexOf(`place /c/root/${at}`) < text.indexOf(` /c/root/${at} || exit`), at);
  }
});

test('hostRootLines() has nothing to do for an image with layers', () => {
  const bind: Step = { kind: 'bind_root', source: '/c/upper', at: '/c/root', why };
  assert.deepEqual(hostRootLines(plan([bind]), '/c/root', 'write'), []);
});
