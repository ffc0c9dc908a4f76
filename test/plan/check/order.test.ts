/** checkOrder(): a plan in a wrong order does not run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HutchError } from '../../../src/errors/hutch-error.ts';
import { checkOrder } from '../../../src/plan/check/order.ts';
import type { Plan, Step, StepKind } from '../../../src/plan/step.ts';
import { samplePlan, withSubordinates } from '../../helpers/sample-plan.ts';

const PLAN = samplePlan({
  source: '/r',
  at: '/r',
  userNamespaces: [withSubordinates(1001, 1001, 100_000, 65_535)],
  network: true,
});

/** The sample with its first step of one kind moved right before (or behind) the first of another kind. */
function moved(kind: StepKind, place: 'before' | 'behind', other: StepKind): Plan {
  const step = PLAN.steps.find((found) => found.kind === kind);
  assert.ok(step !== undefined);
  const rest = PLAN.steps.filter((found) => found !== step);
  const index = rest.findIndex((found) => found.kind === other);
  assert.ok(index >= 0);
  return { ...PLAN, steps: rest.toSpliced(place === 'before' ? index : index + 1, 0, step) };
}

function without(kind: StepKind, plan = PLAN): Plan {
  return { ...plan, steps: plan.steps.filter((step) => step.kind !== kind) };
}

function rejects(plan: Plan, message: RegExp): void {
  assert.throws(
    () => {
      checkOrder(plan);
    },
    (error) => error instanceof HutchError && error.code === 'SPEC_INVALID' && message.test(error.message),
  );
}

test('checkOrder() accepts the order of hutch', () => {
  checkOrder(PLAN);
});

const WRONG: readonly (readonly [StepKind, 'before' | 'behind', StepKind, RegExp])[] = [
  ['become_root', 'behind', 'unshare', /become_root.*before.*unshare/u],
  ['set_hostname', 'before', 'unshare', /unshare.*before.*set_hostname/u],
  ['bind_root', 'before', 'make_slave', /make_slave.*before.*bind_root/u],
  ['bind_root', 'behind', 'open_root', /bind_root.*before.*open_root/u],
  ['mount', 'before', 'open_root', /open_root.*before.*mount/u],
  ['bind', 'behind', 'pivot_root', /bind.*before.*pivot_root/u],
  ['mask', 'before', 'bind', /bind.*before.*mask|sources|later mount/u],
  ['make_root_read_only', 'before', 'make_symlink', /before.*make_root_read_only/u],
  ['stdio', 'before', 'mount', /before.*stdio/u],
  ['change_directory', 'before', 'pivot_root', /pivot_root.*before.*change_directory/u],
  ['landlock', 'before', 'pivot_root', /pivot_root.*before.*landlock/u],
  ['bound_capabilities', 'behind', 'set_user', /bound_capabilities.*before.*set_user/u],
  ['set_rlimit', 'behind', 'set_user', /set_rlimit.*before.*set_user/u],
  ['set_capabilities', 'before', 'set_user', /set_user.*before.*set_capabilities/u],
  ['close_descriptors', 'behind', 'seccomp', /close_descriptors.*before.*seccomp/u],
  ['landlock', 'behind', 'seccomp', /landlock.*before.*seccomp/u],
  ['no_new_privileges', 'behind', 'landlock', /no_new_privileges.*before.*landlock/u],
  ['seccomp', 'before', 'no_new_privileges', /before.*seccomp|seccomp is not the last/u],
  ['execve', 'before', 'seccomp', /last step is not execve/u],
];

for (const [kind, place, other, message] of WRONG) {
  test(`checkOrder() throws when ${kind} stands ${place} ${other}`, () => {
    rejects(moved(kind, place, other), message);
  });
}

for (const kind of ['open_root', 'pivot_root', 'execve'] as const) {
  test(`checkOrder() throws when ${kind} is missing`, () => {
    rejects(without(kind), new RegExp(`0 steps of kind ${kind}`, 'u'));
  });
}

test('checkOrder() throws when what was asked for is not waited for before the pivot', () => {
  const asking = PLAN.steps.map((step): Step => (step.kind === 'wait_for' ? { ...step, meanwhile: true } : step));
  const wait: Step = { kind: 'await_monitor', why: { spec: 'hutch', text: 'a test' } };
  const pivot = asking.findIndex((step) => step.kind === 'pivot_root');
  const ask = asking.findIndex((step) => step.kind === 'wait_for');
  checkOrder({ ...PLAN, steps: asking.toSpliced(pivot, 0, wait) });
  const message = /wait_for.*is not waited for before the pivot/u;
  rejects({ ...PLAN, steps: asking }, message);
  rejects({ ...PLAN, steps: asking.toSpliced(ask, 0, wait) }, message);
  rejects(
    { ...PLAN, steps: asking.toSpliced(pivot + 1, 0, wait) },
    /await_monitor.*before.*pivot_root|is not waited for/u,
  );
});

test("checkOrder() throws when the cgroup namespace does not begin at the container's cgroup, or comes after its mounts", () => {
  const why = { spec: 'hutch', text: 'a test' };
  const join: Step = {
    ...{ kind: 'join_cgroup', driver: 'systemd', parent: 'hutch.slice', name: 'hutch-1', settings: [] },
    ...{ required: true, meanwhile: true, why },
  };
  const [wait, begin]: Step[] = [
    { kind: 'await_monitor', why },
    { kind: 'unshare_cgroup', why },
  ];
  assert.ok(wait !== undefined && begin !== undefined);
  const [unshare, cover] = (['unshare', 'make_read_only'] as const).map((kind) =>
    PLAN.steps.findIndex((step) => step.kind === kind),
  );
  const plan = (late: readonly Step[]): Plan => ({
    ...PLAN,
    steps: PLAN.steps.toSpliced(cover ?? 0, 0, ...late).toSpliced(unshare ?? 0, 0, join),
  });
  checkOrder(plan([wait, begin]));
  rejects(plan([begin, wait]), /await_monitor.*before.*unshare_cgroup/u);
  rejects(plan([begin]), /join_cgroup.*is not waited for/u);
  const behind = PLAN.steps.findIndex((step) => step.kind === 'pivot_root') + 1;
  rejects({ ...PLAN, steps: PLAN.steps.toSpliced(behind, 0, begin) }, /unshare_cgroup.*before/u);
});

test('checkOrder() throws when there are two pivots', () => {
  const pivot = PLAN.steps.findIndex((step) => step.kind === 'pivot_root');
  rejects(
    { ...PLAN, steps: PLAN.steps.toSpliced(pivot, 0, ...PLAN.steps.slice(pivot, pivot + 1)) },
    /2 steps of kind pivot_root/u,
  );
});

test('checkOrder() wants the fences before set_capabilities when there is no no_new_privileges', () => {
  const plan = without('no_new_privileges');
  rejects(plan, /(?:landlock|seccomp).*before.*set_capabilities/u);
  const capabilities: Step[] = plan.steps.filter((step) => step.kind === 'set_capabilities');
  const rest: Step[] = plan.steps.filter((step) => step.kind !== 'set_capabilities');
  checkOrder({ ...plan, steps: rest.toSpliced(-1, 0, ...capabilities) });
});
