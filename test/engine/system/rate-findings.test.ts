/** The probe of --network-rate: what it tries, and what its outcomes mean. Needs nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRate, probeNetworkRate, rateScript } from '../../../src/engine/system/rate-findings.ts';

const trial = (step: string, stderr: string, code = 2) => ({ code, stdout: '', stderr, step });

test('rateScript() tries the commands that hold a container to its rate, one after the other', () => {
  const script = rateScript();
  const places = ['step 0', 'tbf rate', 'type ifb', 'ingress', 'u32', 'mirred'].map((word) => script.indexOf(word));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.ok(places.every((place) => place > 0));
});

test('judgeRate() names the module that is missing, and who can do what', () => {
  const { status, detail, cause, fix } = judgeRate(trial('1', 'Error: Unknown device type.\n'));
  assert.equal(status, 'warn');
  assert.equal(detail, 'ip link add ifb0 mtu 65535 type ifb: Error: Unknown device type.');
  assert.match(cause ?? '', /lack ifb \(CONFIG_IFB\)/u);
  assert.deepEqual(fix.map(({ who, text }) => [who, text]).at(-1), ['admin', 'modprobe -a ifb']);
  assert.equal(judgeRate(trial('5', '', 0)).status, 'ok');
  assert.match(judgeRate(trial('make a network namespace', 'unshare: no')).cause ?? '', /no network could be made/u);
});

test('probeNetworkRate() says which package brings tc', async () => {
  const { status, fix } = await probeNetworkRate((name) => name === 'tc');
  assert.equal(status, 'warn');
  assert.match(fix.at(-1)?.text ?? '', /iproute|tc/u);
});
