/** What hutch says to a systemd, and what it makes of the answers, against a bus made by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { managerAt, type Manager } from '../../../src/drivers/cgroup/systemd/systemd-calls.ts';
import type { Message } from '../../../src/drivers/cgroup/systemd/dbus-message.ts';
import { startFakeBus, type Answer } from './fake-bus.ts';

const UNIT = 'hutch-0123456789ab.scope';
const UID = 1234;

const request = {
  unit: UNIT,
  slice: 'hutch.slice',
  description: 'a test',
  processes: [11, 12],
  stopTimeoutSeconds: 15,
  settings: [
    { file: 'cpu.weight', value: '39', spec: '' },
    { file: 'memory.low', value: 'max', spec: '' },
  ],
};

const done = (call: Message): Answer =>
  call.member === 'StartTransientUnit' ? { job: { unit: UNIT, result: 'done' }, signature: 'o', body: ['/job'] } : {};

const members = (calls: readonly Message[]): (string | undefined)[] => calls.map(({ member }) => member);

async function connected<T>(path: string, work: (manager: Manager) => Promise<T>): Promise<T> {
  const manager = await managerAt(path, UID);
  using _manager = manager;
  // Awaited here, as the connection ends with this function.
  return await work(manager);
}

test('startScope() listens before it starts, and says all that a scope needs', async () => {
  await using bus = await startFakeBus(done);
  await connected(bus.path, (manager) => manager.startScope(request));
  assert.deepEqual(members(bus.calls), ['Hello', 'Subscribe', 'AddMatch', 'StartTransientUnit']);
  assert.deepEqual(bus.lines, [`\0AUTH EXTERNAL ${Buffer.from('1234').toString('hex')}`]);
  const [name, mode, properties] = bus.calls[3]?.body ?? [];
  assert.deepEqual([name, mode], [UNIT, 'fail']);
  const said = Object.fromEntries(
    (properties as [string, [string, unknown]][]).map(([key, [, value]]) => [key, value]),
  );
  assert.deepEqual(said, {
    Description: 'a test',
    Slice: 'hutch.slice',
    PIDs: [11, 12],
    Delegate: true,
    TasksMax: 0xffff_ffff_ffff_ffffn,
    CollectMode: 'inactive-or-failed',
    TimeoutStopUSec: 15_000_000n,
    CPUWeight: 39n,
    MemoryLow: 0xffff_ffff_ffff_ffffn,
    OOMPolicy: 'continue',
  });
});

test('the own socket of systemd is spoken to without a word to a bus', async () => {
  await using bus = await startFakeBus(done, { name: 'private' });
  await connected(bus.path, (manager) => manager.startScope(request));
  assert.deepEqual(members(bus.calls), ['Subscribe', 'StartTransientUnit']);
});

test('startScope() does without a property that an older systemd does not know', async () => {
  let count = 0;
  await using bus = await startFakeBus((call) => {
    if (call.member !== 'StartTransientUnit') return {};
    count += 1;
    const text = 'Cannot set property OOMPolicy, or unknown property.';
    return count === 1 ? { error: 'org.freedesktop.DBus.Error.PropertyReadOnly', text } : done(call);
  });
  await connected(bus.path, (manager) => manager.startScope(request));
  const properties = bus.calls.at(-1)?.body[2] as [string, unknown][];
  assert.ok(!properties.some(([key]) => key === 'OOMPolicy'));
  assert.ok(properties.some(([key]) => key === 'TimeoutStopUSec'));
});

test('startScope() waits for the name of a scope that is on its way out', async () => {
  let count = 0;
  await using bus = await startFakeBus((call) => {
    if (call.member !== 'StartTransientUnit') return {};
    count += 1;
    return count < 3 ? { error: 'org.freedesktop.systemd1.UnitExists', text: 'was already loaded' } : done(call);
  });
  await connected(bus.path, (manager) => manager.startScope(request));
  assert.equal(members(bus.calls).filter((member) => member === 'ResetFailedUnit').length, 2);
});

const FAILURES: readonly (readonly [string, Answer, RegExp])[] = [
  [
    'a job that fails',
    { job: { unit: UNIT, result: 'failed' }, signature: 'o', body: ['/job'] },
    /could not start.*failed/u,
  ],
  [
    'a process that is gone',
    { error: 'x.NoSuchProcess', text: 'Process with ID 11 does not exist.' },
    /Process with ID 11/u,
  ],
];

for (const [what, answer, message] of FAILURES) {
  test(`startScope() tells of ${what} in systemd's own words`, async () => {
    await using bus = await startFakeBus((call) => (call.member === 'StartTransientUnit' ? answer : {}));
    await assert.rejects(
      connected(bus.path, (manager) => manager.startScope(request)),
      (error) => isHutchError(error, 'CGROUP_FAILED') && message.test(error.message),
    );
  });
}

test('a job of another unit is not taken for ours', async () => {
  await using bus = await startFakeBus((call) => {
    if (call.member === 'Subscribe') return { job: { unit: 'other.scope', result: 'failed' } };
    return done(call);
  });
  await connected(bus.path, (manager) => manager.startScope(request));
});

test('a bus that does not let us in is an error, and so is one that ends in the middle', async () => {
  await using closed = await startFakeBus(done, { accepts: false });
  await assert.rejects(managerAt(closed.path, UID), /refused: REJECTED/u);
  const bus = await startFakeBus((call) => (call.member === 'Subscribe' ? { isSilent: true } : {}));
  const manager = await managerAt(bus.path, UID);
  const starting = manager.startScope(request);
  starting.catch(() => undefined);
  await bus[Symbol.asyncDispose]();
  await assert.rejects(
    starting,
    (error) => isHutchError(error, 'CGROUP_FAILED') && /closed|has failed/u.test(error.message),
  );
});

test('attach() names scope, cgroup and process', async () => {
  await using bus = await startFakeBus(() => ({}));
  await connected(bus.path, (manager) => manager.attach(UNIT, '/payload', [17]));
  assert.deepEqual(bus.calls.at(-1)?.body, [UNIT, '/payload', [17]]);
});
