/** compileExec(): the plan of a program more in a running container; checkExecOrder() refuses plans in a wrong order. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import type { RuntimeSpec } from '../../../src/oci/runtime-spec.ts';
import { checkExecOrder } from '../../../src/plan/check/order.ts';
import { compileExec, type ExecInput } from '../../../src/plan/compile/compile-exec.ts';
import { renderExplanation } from '../../../src/plan/render/explain.ts';
import type { ExecPlan, StepKind } from '../../../src/plan/step.ts';
import { withSubordinates } from '../../helpers/sample-plan.ts';

const golden = (name: string): RuntimeSpec => {
  const spec = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../golden', name, 'spec.json'), 'utf8'),
  ) as RuntimeSpec;
  return { ...spec, linux: { ...spec.linux, seccomp: null } };
};
const INPUT: ExecInput = {
  userNamespaces: [withSubordinates(1001, 1001, 100_000, 65_535)],
  architecture: 'x86_64',
  join: { pid: 4711, holder: 4700 },
  startTime: '1234',
  namespaces: ['mount', 'uts', 'ipc', 'network', 'cgroup', 'pid'],
  stdin: false,
  detached: false,
};
const kinds = (plan: ExecPlan): StepKind[] => plan.steps.map(({ kind }) => kind);

test('compileExec() joins first, forks, and puts the fences on the child', () => {
  const plan = compileExec(golden('image'), INPUT);
  const order = kinds(plan);
  assert.deepEqual(order.slice(0, 8), [
    'become_root',
    'join_namespaces',
    'open_root',
    'stdio',
    'change_directory',
    'join_keyring',
    'fork',
    'setsid',
  ]);
  assert.ok(order.indexOf('landlock') > order.indexOf('close_descriptors'));
  assert.equal(order.at(-1), 'execve');
});

test('compileExec() takes a terminal as a session’s own only where one is asked for', () => {
  assert.ok(kinds(compileExec(golden('terminal'), INPUT)).includes('take_terminal'));
  assert.ok(!kinds(compileExec(golden('image'), INPUT)).includes('take_terminal'));
});

test('compileExec() gives a detached program nobody’s streams', () => {
  const plan = compileExec(golden('image'), { ...INPUT, detached: true });
  const stdio = plan.steps.find((step) => step.kind === 'stdio');
  assert.equal(stdio?.besides, 'none');
  const fork = plan.steps.find((step) => step.kind === 'fork');
  assert.equal(fork?.attached, false);
});

test('compileExec() refuses a user who has no id', () => {
  const spec = golden('image');
  const process = { ...spec.process, user: { ...spec.process.user, uid: 70_000 } };
  assert.throws(
    () => compileExec({ ...spec, process }, INPUT),
    (error) => isHutchError(error, 'ID_UNMAPPED'),
  );
});

test('renderExplanation() says how a container is entered', () => {
  const text = renderExplanation(compileExec(golden('image'), INPUT), { colour: false });
  assert.match(text, /user namespace: that of process 4711, the container's own/u);
  assert.match(text, /mount namespace: that of process 4700/u);
  assert.match(text, /unshare\(CLONE_FS\), setns\(CLONE_NEWNS \| CLONE_NEWUTS/u);
});

test('checkExecOrder() accepts no other place for a step that matters', () => {
  const plan = compileExec(golden('terminal'), INPUT);
  checkExecOrder(plan);
  const refused = (change: (steps: ExecPlan['steps'][number][]) => void, because: RegExp): void => {
    const steps = [...plan.steps];
    change(steps);
    assert.throws(() => {
      checkExecOrder({ ...plan, steps });
    }, because);
  };
  const at = (kind: StepKind): number => kinds(plan).indexOf(kind);
  const move = (kind: StepKind, to: number) => (steps: ExecPlan['steps'][number][]) => {
    const [step] = steps.splice(at(kind), 1);
    if (step !== undefined) steps.splice(to, 0, step);
  };
  refused(move('join_namespaces', 0), /only root of the user namespace/u);
  refused(move('open_root', 0), /host's own/u);
  refused(move('set_capabilities', at('fork')), /it is for the payload/u);
  refused(move('landlock', at('fork')), /it is for the payload/u);
  refused(move('join_keyring', at('setsid')), /runs no JavaScript/u);
  refused(move('take_terminal', at('setsid')), /a terminal belongs to a session/u);
  refused((steps) => steps.splice(at('fork'), 1), /0 steps of kind fork/u);
  refused((steps) => steps.pop(), /execve/u);
});
