/** Ways out of a container that other tools once had: the tool's own program, leaked descriptors, processes in sight. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { descendant, descendants } from '../e2e/processes.ts';
import { HUTCH, makeSandbox, outcomeOf, printed } from '../e2e/sandbox.ts';
import {
  ATTACKER,
  attackerSkip,
  importTree,
  makeAttacker,
  resultsOf,
  unfenced,
  type Attacker,
  type Results,
} from './attacker.ts';
import { landlockAbi } from './landlock.ts';

const RUN = ['run', '--rm', '--net', 'none'];
const NODE = path.join(path.dirname(HUTCH), 'node');
const noLandlock = landlockAbi() === 0 ? 'this kernel has no Landlock' : false;

/** What of the program a payload could have changed. */
function fingerprint(file: string): string {
  const { mode, mtimeMs, size, uid } = statSync(file);
  return [mode.toString(8), mtimeMs, size, uid, createHash('sha256').update(readFileSync(file)).digest('hex')].join(
    ' ',
  );
}

/** Tries to change the program that it is run by: run as `/proc/self/exe FILE`, or by its first line. */
const CHANGE_SELF = `#!/proc/self/exe
const { fchmodSync, futimesSync, openSync, readlinkSync } = require('node:fs');
const attempt = (name, work) => { try { work(); console.log(name, 'OK'); } catch (error) { console.log(name, error.code); } };
console.log('program', readlinkSync('/proc/self/exe').split('/').pop());
const fd = openSync('/proc/self/exe', 'r');
attempt('fchmod', () => fchmodSync(fd, 0o777));
attempt('futimes', () => futimesSync(fd, 0, 0));
`;

// CVE-2019-5736, H1 in docs/security.md.
describe('the program of init', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  const script = box.file('change-self', CHANGE_SELF);
  chmodSync(script, 0o755);
  const volume = ['-v', `${script}:/change-self:ro`];
  let original = '';
  before(async () => {
    original = fingerprint(NODE);
    // From here on init is forked off where that is done at all.
    printed(await box.inHost('true'));
    await importTree(box, 'link:test', [{ name: 'bin/self', flag: '2', linkName: '/proc/self/exe' }]);
  });

  it('cannot be executed by a payload (Landlock)', { skip: noLandlock }, async () => {
    const commands = [
      ['host', '/proc/self/exe', '--version'],
      ['host', '/change-self'],
      ['link:test', 'self'],
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await box.hutch([...RUN, ...volume, ...command]);
      assert.deepEqual([code, stdout], [126, ''], stderr);
      assert.match(stderr, /EACCES/u);
    }
  });

  it('cannot be changed by a payload that does execute it (a read-only mount)', async () => {
    for (const command of [['/proc/self/exe', '/change-self'], ['/change-self']]) {
      const outcome = await box.hutch([...RUN, '--privileged', ...volume, 'host', ...command]);
      assert.deepEqual(resultsOf(printed(outcome)), { program: 'node', fchmod: 'EROFS', futimes: 'EROFS' });
    }
  });

  it('is what it was', () => {
    assert.equal(fingerprint(NODE), original);
  });

  it('could be changed without the two fences', () => {
    const copy = path.join(box.directory, 'busybox');
    copyFileSync('/usr/bin/busybox', copy);
    chmodSync(copy, 0o755);
    const before = fingerprint(copy);
    const { status } = spawnSync('unshare', ['--user', '--map-root-user', copy, 'chmod', '0711', '/proc/self/exe']);
    assert.equal(status, 0);
    assert.notEqual(fingerprint(copy), before);
  });

  it('cannot be written by other users of the host', () => {
    for (const file of [NODE, HUTCH, path.dirname(NODE)]) {
      assert.equal(statSync(file).mode & 0o002, 0, `${file} can be written by everybody`);
    }
  });
});

// CVE-2024-21626 and H3.
describe('descriptors of the host', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  let attacker: Attacker;
  before(async () => {
    attacker = await makeAttacker(box);
  });

  it('do not reach the payload, however many the caller has', async () => {
    const wrapper = [attacker.probe, 'with-descriptors'];
    // The second container takes another way to start: its namespaces are made before the CLI runs.
    for (const _round of [1, 2]) {
      assert.equal(printed(await box.hutch([...RUN, ATTACKER, 'probe', 'descriptors'], { wrapper })), '0 1 2 \n');
    }
    const { stdout } = spawnSync(attacker.probe, ['with-descriptors', attacker.probe, 'descriptors'], {
      encoding: 'utf8',
    });
    assert.ok(stdout.split(' ').length > 200 && stdout.includes(' 905 '), stdout);
  });

  it('open nothing when one gets in all the same (Landlock)', { skip: noLandlock }, async () => {
    const shared = path.join(box.directory, 'shared');
    mkdirSync(shared);
    writeFileSync(path.join(box.directory, 'secret'), 'of the host');
    const host = spawn(attacker.probe, ['give-directory', path.join(shared, 'socket'), box.directory]);
    try {
      await new Promise((resolve) => host.stdout.once('data', resolve));
      const take = async (...flags: readonly string[]) =>
        attacker.attack('take-directory /shared/socket secret', '-v', `${shared}:/shared`, ...flags);
      assert.deepEqual(await take(), { 'take-directory': 'OK', 'open-beneath': 'EACCES' });
      const control = await take('--privileged');
      assert.deepEqual(control, { 'take-directory': 'OK', 'open-beneath': 'OK', content: 'of the host' });
    } finally {
      host.kill('SIGKILL');
    }
  });
});

describe('processes in sight by --pid host', { skip: attackerSkip() }, () => {
  const box = makeSandbox();

  it('cannot be looked into: neither the caller’s nor an init that starts meanwhile', async () => {
    const attacker = await makeAttacker(box);
    const attack = attacker.attack('peek 2', '--pid', 'host', '--cap-add', 'SYS_PTRACE');
    for (let round = 0; round < 8; round += 1) printed(await box.hutch([...RUN, ATTACKER, 'true']));
    const { inits, looked, ...read } = await attack;
    assert.ok(Number(inits) > 0, 'no init was seen');
    assert.ok(Number(looked) > 1000);
    assert.deepEqual(read, {});
    const control = unfenced(attacker.probe, ['peek', '1']);
    assert.ok(Object.keys(control).includes('read'), 'the control reads what belongs to its user');
  });

  it('give nothing, be they hutch, its chain, its network or the payload of another container', async () => {
    const attacker = await makeAttacker(box);
    const network = spawnSync('slirp4netns', ['--version']).status === 0 ? [] : ['--net', 'none'];
    const other = outcomeOf(box.start(['run', '--rm', ...network, ATTACKER, 'sleep', '1004']));
    const { pid: payload } = await descendant(/^sleep 1004/u);
    const pids = descendants().map(({ pid }) => pid);
    assert.ok(pids.length >= 4, 'the launcher, hutch, the holder and the payload');
    const words = `reach ${pids.join(' ')}`;
    const had = (results: Results, result: string): string[] =>
      Object.keys(results).filter((name) => results[name] === result);
    // Neither by root, who is the caller's own uid there, nor by others; and the filter is not all that stands in the way.
    const unfiltered = ['--security-opt', 'seccomp=unconfined'];
    for (const flags of [[], ['-u', '1000'], unfiltered, [...unfiltered, '-u', '1000'], ['--cap-add', 'SYS_PTRACE']]) {
      const results = await attacker.attack(words, '--pid', 'host', ...flags);
      assert.equal(Object.keys(results).length, pids.length * 13);
      const refused = [...had(results, 'EPERM'), ...had(results, 'EACCES')];
      const rest = Object.keys(results).filter((name) => !refused.includes(name));
      // Who runs as the caller's uid may end the caller's processes where it sees them: --pid host means that.
      const allowed = flags.includes('-u') ? [] : pids.map((pid) => `signal/${pid}`);
      assert.deepEqual(rest.toSorted(), allowed.toSorted(), flags.join(' '));
    }
    const unseen = await attacker.attack(words);
    assert.deepEqual(
      Object.values(unseen).filter((result) => result === 'OK'),
      [],
      'without --pid host there is nobody',
    );
    const control = unfenced(attacker.probe, ['reach', String(payload)]);
    assert.deepEqual([...new Set(Object.values(control))], ['OK'], 'the caller can do all of it');
    process.kill(payload, 'SIGKILL');
    assert.equal((await other).code, 137);
  });
});
