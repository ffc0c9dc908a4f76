/** The driver probes on this host, with a control that shows what an overlay without userxattr lacks. */

import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  cachedDriverProbe,
  chooseRootfsDriver,
  probeRootfsDriver,
  ROOTFS_DRIVERS,
} from '../../../src/drivers/rootfs/probe.ts';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { NoAnswer } from '../../../src/host/probe/finding.ts';
import { tryInUserns, whyFailed } from '../../../src/userns/probe/try-in-userns.ts';

let base = '';
before(() => (base = mkdtempSync(path.join(tmpdir(), 'hutch-drivers-'))));
after(() => rmSync(base, { recursive: true, force: true }));

function newStore(): { readonly root: string; readonly run: string } {
  const directory = mkdtempSync(path.join(base, 'store-'));
  return { root: path.join(directory, 'data'), run: path.join(directory, 'run') };
}

const skip = process.getuid?.() === 0 ? 'the scratch directory must be reachable for the mapped ids' : false;

for (const name of ROOTFS_DRIVERS) {
  test(`probeRootfsDriver() proves ${name} and cleans up`, { skip }, async () => {
    const store = newStore();
    const probe = await probeRootfsDriver(name, store);
    assert.equal(probe.ok, true, probe.reason);
    assert.deepEqual(readdirSync(path.dirname(store.root)), []);
  });
}

test('an overlay without userxattr mounts, but cannot do what probeRootfsDriver() tries', { skip }, async () => {
  const directory = mkdtempSync(path.join(base, 'control-'));
  const script = `
mkdir lower upper work merged lower/directory
at mount; mount -c -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
at remove; rm -r merged/directory
at make; mkdir merged/directory
at empty; test -z "$(ls -A merged/directory)"`;
  const reason = whyFailed(await tryInUserns(`${script}\nrm -r work`, { directory }));
  chownSync(directory, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  await tryInUserns('rm -r work upper', { directory });
  assert.match(reason ?? 'it worked', /^(remove|make|empty): /u);
});

test('whyFailed() names the step; one that does not end is no failure, but no answer', { skip }, async () => {
  assert.match(whyFailed(await tryInUserns('at "fail here"; ls /nowhere')) ?? '', /^fail here: ls: .*\/nowhere/u);
  await assert.rejects(
    tryInUserns('at sleep; sleep 20', { timeoutMs: 2000 }),
    (error) => error instanceof NoAnswer && error.message === 'sleep: no answer within 2 s',
  );
  assert.equal(whyFailed(await tryInUserns('true')), null);
});

test('tryInUserns() never loses what a short script says', { skip }, async () => {
  for (let round = 0; round < 15; round++) assert.equal((await tryInUserns('echo said')).stdout, 'said\n');
});

test('chooseRootfsDriver() answers from the cache until the host changes', { skip }, async () => {
  const store = newStore();
  const file = path.join(store.run, 'probes.json');
  const { name } = await chooseRootfsDriver(store);
  const planted = readFileSync(file, 'utf8').replace('"ok":true', '"ok":true,"reason":"planted","was":true');
  writeFileSync(file, planted.replace(/"was":true,"reason":"[^"]*"/u, '"was":true'));
  assert.equal((await cachedDriverProbe(store, name)).reason, 'planted');
  writeFileSync(file, planted.replace(/"key":"/u, '"key":"another boot '));
  assert.notEqual((await cachedDriverProbe(store, name)).reason, 'planted');
});

test('chooseRootfsDriver() learns nothing from a host that is too busy to answer', { skip }, async () => {
  const store = newStore();
  await assert.rejects(chooseRootfsDriver(store, undefined, { timeoutMs: 1 }), /no answer within 0\.001 s/u);
  await assert.rejects(chooseRootfsDriver(store, 'overlay', { timeoutMs: 1 }), /no answer within 0\.001 s/u);
  assert.equal((await chooseRootfsDriver(store)).name, (await chooseRootfsDriver(newStore())).name);
});

test(
  'cachedDriverProbe() asks again when a fresh answer is wanted, and survives a damaged cache',
  { skip },
  async () => {
    const store = newStore();
    await chooseRootfsDriver(store, 'vfs');
    const file = path.join(store.run, 'probes.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"ok":true', '"ok":false'));
    assert.equal((await cachedDriverProbe(store, 'vfs')).ok, false);
    assert.equal((await cachedDriverProbe(store, 'vfs', { fresh: true })).ok, true);
    writeFileSync(file, '{"key":');
    assert.equal((await cachedDriverProbe(store, 'vfs')).ok, true);
  },
);

test('chooseRootfsDriver() refuses a wanted driver that does not work, with its reason', { skip }, async () => {
  const store = newStore();
  await chooseRootfsDriver(store, 'vfs');
  const file = path.join(store.run, 'probes.json');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/"ok":true,"reason":"[^"]*"/u, '"ok":false,"reason":"because"'),
  );
  await assert.rejects(
    chooseRootfsDriver(store, 'vfs'),
    (error) => isHutchError(error, 'DRIVER_UNAVAILABLE') && error.message.includes('vfs (because)'),
  );
});
