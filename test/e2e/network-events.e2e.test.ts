/** Events of networks while containers on them start, end, restart, change their networks and lose their monitor; through the built program. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { networkSkip } from './network-answers.ts';
import { hostSkip, makeSandbox, printed } from './sandbox.ts';

interface Told {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

describe('events of networks', { skip: hostSkip() || networkSkip() }, () => {
  after(() => box.hutch(['rm', '-f', 'c', 'again']));
  const box = makeSandbox();
  const hutch = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();
  const told = async (...filters: readonly string[]): Promise<readonly Told[]> => {
    const flags = filters.flatMap((filter) => ['--filter', filter]);
    const text = await hutch('events', '--stream=false', '--format', 'json', ...flags);
    return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Told);
  };
  const words = async (...filters: readonly string[]): Promise<string[]> =>
    (await told(...filters)).map(({ Type, Action, Actor }) => `${Type} ${Action} ${Actor.Attributes['name'] ?? ''}`);
  const start = ['run', '-d', '--name', 'c', '--net', 'one', '--net', 'two', 'host', 'sleep', '1000'];

  before(async () => {
    for (const name of ['one', 'two', 'three'])
      await hutch('network', 'create', '--internal', '--label', `on=${name}`, name);
  });

  it('come with the start of a container, before it, and with its end, after it', async () => {
    await hutch(...start);
    await hutch('stop', '-t', '0', 'c');
    assert.deepEqual(await words('event=connect', 'event=disconnect', 'event=start', 'event=die'), [
      ...['network connect one', 'network connect two', 'container start c'],
      ...['container die c', 'network disconnect one', 'network disconnect two'],
    ]);
    const [first] = await told('type=network', 'network=one', 'event=connect');
    assert.equal(first?.Actor.ID, await hutch('network', 'inspect', '-f', '{{.Id}}', 'one'));
    const container = await hutch('inspect', '-f', '{{.Id}}', 'c');
    assert.deepEqual(first.Actor.Attributes, { on: 'one', container, type: 'bridge', name: 'one' });
  });

  it('are picked by network, kind, action and the label of the network', async () => {
    const of = ['network create', 'network connect', 'network disconnect'];
    assert.deepEqual(
      await words('network=two'),
      of.map((action) => `${action} two`),
    );
    assert.deepEqual(await words('type=network', 'label=on=two'), await words('network=two'));
    assert.deepEqual(await words('type=network', 'network=three'), ['network create three']);
    assert.deepEqual(await words('network=one', 'network=two', 'event=connect'), [
      'network connect one',
      'network connect two',
    ]);
    assert.deepEqual(await words('type=container', 'event=connect'), []);
  });

  it('come once for a container that is connected and disconnected while it runs', async () => {
    await hutch('start', 'c');
    const before = (await words('type=network')).length;
    await hutch('network', 'connect', 'three', 'c');
    await hutch('network', 'disconnect', 'two', 'c');
    assert.deepEqual((await words('type=network')).slice(before), ['network connect three', 'network disconnect two']);
    await hutch('stop', '-t', '0', 'c');
    assert.deepEqual((await words('type=network')).slice(before + 2), [
      'network disconnect one',
      'network disconnect three',
    ]);
  });

  it('say of a container that does not run only that it was taken off', async () => {
    const before = (await words('type=network')).length;
    await hutch('network', 'connect', 'two', 'c');
    await hutch('network', 'disconnect', 'two', 'c');
    assert.deepEqual((await words('type=network')).slice(before), ['network disconnect two']);
  });

  it('come for each life of a container that restarts', async () => {
    await hutch(
      'run',
      '-d',
      '--name',
      'again',
      '--restart',
      'on-failure:1',
      '--net',
      'three',
      'host',
      'sh',
      '-c',
      'exit 3',
    );
    await hutch('wait', 'again');
    const id = await hutch('inspect', '-f', '{{.Id}}', 'again');
    assert.deepEqual(
      (await words(`container=${id}`)).filter((word) => !/create|kill/u.test(word)),
      [
        ...['network connect three', 'container start again', 'container die again', 'network disconnect three'],
        'container restart again',
        ...['network connect three', 'container start again', 'container die again', 'network disconnect three'],
      ],
    );
  });

  it('come with a reason when the end of a monitor that was killed is found', async () => {
    await hutch('start', 'c');
    const before = (await words('type=network')).length;
    process.kill(Number(await hutch('inspect', '-f', '{{.State.MonitorPid}}', 'c')), 'SIGKILL');
    const exited = async (): Promise<boolean> => (await hutch('inspect', '-f', '{{.State.Status}}', 'c')) === 'exited';
    for (let turn = 0; !(await exited()); turn += 1) assert.ok(turn < 100);
    assert.deepEqual((await words('type=network')).slice(before), [], 'nobody has looked yet');
    await hutch('check', '--repair');
    const after = (await told('type=network')).slice(before);
    assert.deepEqual(
      after.map(({ Action, Actor }) => [Action, Actor.Attributes['name'], Actor.Attributes['reason']]),
      ['one', 'three'].map((name) => ['disconnect', name, 'its monitor was killed']),
    );
    await hutch('start', 'c');
    await hutch('stop', '-t', '0', 'c');
    assert.equal((await words('type=network')).length, before + 6, 'once');
  });

  it('do not come for a start that fails', async () => {
    const before = (await words('type=network')).length;
    assert.equal((await box.hutch(['run', '--rm', '--net', 'one', 'host', '/nonexistent'])).code, 127);
    assert.deepEqual((await words('type=network')).slice(before), []);
  });
});
