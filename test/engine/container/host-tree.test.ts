/** Unit tests of what of a container of the image `host` is its own, and what hutch has made. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostTreeOf } from '../../../src/engine/container/host-tree.ts';
import type { Plan, Step } from '../../../src/plan/step.ts';

const why = { spec: 'root.path', text: 'a test' };
const STEPS: readonly Step[] = [
  {
    kind: 'overlay_host_directory',
    from: '/store/containers/c',
    lower: '/usr',
    upper: 'host/usr',
    work: 'work/usr',
    options: [],
    target: '/usr',
    why,
  },
  { kind: 'bind', source: '/var', target: '/var', recursive: true, attributes: ['ro'], create: 'directory', why },
  { kind: 'make_symlink', target: '/bin', to: 'usr/bin', why },
  { kind: 'make_directory', target: '/tmp', mode: 0o1777, why },
  { kind: 'make_directory', target: '/volume', mode: 0o755, why: { spec: 'mounts[0]', text: 'a volume' } },
];

const plan = (steps: readonly Step[], directories: readonly string[]): Plan =>
  ({ steps, prepare: { directories } }) as unknown as Plan;

test('hostTreeOf() gives each directory of the host what was written above it, and knows what hutch has made', () => {
  const tree = hostTreeOf(
    plan(STEPS, ['/store/containers/c/work/usr', '/store/containers/c/host/usr/local']),
    '/store/containers/c',
  );
  assert.deepEqual(tree, {
    directory: 'containers/c',
    upper: 'containers/c/upper',
    lower: [],
    isWholeCopy: false,
    own: {
      '/usr': { kind: 'directory', upper: 'containers/c/host/usr', lower: ['/usr'] },
      '/usr/local': { kind: 'directory' },
      '/var': { kind: 'directory' },
      '/bin': { kind: 'link', to: 'usr/bin' },
      '/tmp': { kind: 'directory' },
    },
  });
});

test('hostTreeOf() puts all of the host below what was written with a helper', () => {
  const tree = hostTreeOf(
    plan(STEPS.slice(3), ['/s/containers/c/upper', '/s/containers/c/upper/usr/local']),
    '/s/containers/c',
  );
  assert.deepEqual(tree.lower, ['']);
  assert.deepEqual(Object.keys(tree.own ?? {}), ['/usr', '/usr/local', '/tmp']);
});
