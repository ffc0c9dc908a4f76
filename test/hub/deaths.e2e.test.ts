/** What becomes of networks of the user when a process behind them is killed. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../e2e/processes.ts';
import { askPort, networkEvents } from '../e2e/network-answers.ts';
import { hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';
import { addressOf, allGone, askFrom, HELPERS, helpers, makeNetwork, serve } from './bed.ts';

describe('a process behind user networks that is killed', { skip: hostSkip() }, () => {
  after(() => box.hutch(['rm', '-f', 'one', 'two']));
  const box = makeSandbox();
  const ports = new Map<string, number>();
  before(async () => {
    await makeNetwork(box, 'near', 211);
    for (const name of ['one', 'two']) {
      await serve(box, name, '--net', 'near', '-p', '80');
      ports.set(name, Number(/:(\d+)\n$/u.exec(printed(await box.hutch(['port', name, '80'])))?.[1]));
    }
  });
  const events = (name: string): Promise<string[]> => networkEvents(box, name);
  const state = async (): Promise<string[]> => {
    const seen: string[] = [];
    for (const name of ['one', 'two']) seen.push(await addressOf(box, name), await askPort(ports.get(name) ?? 0));
    return [...seen, await askFrom(box, 'near', 'one'), await askFrom(box, 'near', 'two')];
  };

  for (const kind of Object.keys(HELPERS) as (keyof typeof HELPERS)[]) {
    it(`comes back, and with it addresses, names and ports: ${kind}`, async () => {
      const [before] = [await state()];
      assert.ok(
        before.every((part) => part !== ''),
        `control: ${before.join(' ')}`,
      );
      const told = await events('one');
      const [victim] = helpers(kind);
      assert.ok(victim !== undefined);
      process.kill(victim.pid, 'SIGKILL');
      assert.ok(await eventually(() => (helpers(kind).some(({ pid }) => pid !== victim.pid) ? true : undefined)));
      for (const name of ['one', 'two'])
        for (let turn = 0; (await events(name)).length < told.length + 2; turn += 1) assert.ok(turn < 100, 'no event');
      assert.deepEqual((await events('one')).slice(told.length), ['network_down', 'network_up']);
      assert.deepEqual(await state(), before);
      const connects = ['events', '--since', '1h', '--stream=false', '--filter', 'event=connect', '--filter'];
      const id = printed(await box.hutch(['inspect', '-f', '{{.Id}}', 'one'])).trim();
      assert.match(printed(await box.hutch([...connects, `container=${id}`])), /^.*\n$/u, 'it was connected once');
    });
  }

  it('leaves nothing when all are killed at once, with the monitors', async () => {
    const monitors = JSON.parse(printed(await box.hutch(['inspect', 'one', 'two']))) as {
      State: { MonitorPid: number };
    }[];
    const victims = [...monitors.map(({ State }) => State.MonitorPid), ...helpers().map(({ pid }) => pid)];
    for (const pid of victims) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with another one.
      }
    }
    assert.ok(await allGone());
    const sockets = (): string[] => readdirSync(box.run).filter((name) => name.startsWith('network-hub'));
    assert.notDeepEqual(sockets(), [], 'control');
    await box.hutch(['check', '--repair']);
    assert.deepEqual(sockets(), []);
  });
});
