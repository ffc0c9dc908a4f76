/** What a payload is when it starts: ids, capabilities, signals, limits, environment, descriptors, session; field by field. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { before, describe, it } from 'node:test';
import { descendant } from '../e2e/processes.ts';
import { idsSkip, makeSandbox, outcomeOf, printed } from '../e2e/sandbox.ts';
import { ATTACKER, attackerSkip, makeAttacker, unfenced, type Attacker } from './attacker.ts';

const DEFAULT = '00000000800405fb';
const NONE = '0000000000000000';
/** Lines of /proc/self/status. Source: proc_pid_status(5). */
const FIELDS = ['Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp', 'SigBlk', 'SigIgn'];
const CAPABILITIES = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];

const skip = attackerSkip();
const noIds = await idsSkip();

describe('a payload', { skip }, () => {
  const box = makeSandbox();
  let attacker: Attacker;
  before(async () => {
    attacker = await makeAttacker(box);
  });

  async function status(...flags: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const argv = ['run', '--rm', '--net', 'none', ...flags, ATTACKER, 'cat', '/proc/self/status'];
    const rows = printed(await box.hutch(argv))
      .split('\n')
      .map((line) => line.split(/:\s*/u));
    return Object.fromEntries(rows.map(([name = '', value = '']) => [name, value.trim().replaceAll('\t', ' ')]));
  }

  async function capabilities(...flags: readonly string[]): Promise<readonly (string | undefined)[]> {
    const fields = await status(...flags);
    return CAPABILITIES.map((name) => fields[name]);
  }

  it('starts as root of its namespace, with the default capabilities and a filter, and nothing inherited', async () => {
    const fields = await status();
    assert.deepEqual(Object.fromEntries([...FIELDS, ...CAPABILITIES].map((name) => [name, fields[name]])), {
      ...{ Uid: '0 0 0 0', Gid: '0 0 0 0', Groups: noIds === false ? '' : fields['Groups'] },
      ...{ NoNewPrivs: '0', Seccomp: '2', SigBlk: NONE, SigIgn: NONE },
      ...{ CapInh: NONE, CapPrm: DEFAULT, CapEff: DEFAULT, CapBnd: DEFAULT, CapAmb: NONE },
    });
  });

  it('starts with every fence down by --privileged: what the snapshot would show if they were not up', async () => {
    const fields = await status('--privileged');
    assert.equal(fields['Seccomp'], '0');
    assert.notEqual(fields['CapEff'], DEFAULT);
    assert.equal(fields['CapEff'], fields['CapBnd']);
  });

  it('has only the capabilities that the options leave it', async () => {
    assert.deepEqual(await capabilities('--cap-drop', 'all'), [NONE, NONE, NONE, NONE, NONE]);
    const bind = '0000000000000400';
    const only = ['--cap-drop', 'all', '--cap-add', 'NET_BIND_SERVICE'];
    assert.deepEqual(await capabilities(...only), [NONE, bind, bind, bind, NONE]);
  });

  it('has none as another user than root, but for those asked for by name', { skip: noIds }, async () => {
    assert.deepEqual(await capabilities('-u', '1000'), [NONE, NONE, NONE, DEFAULT, NONE]);
    const bind = '0000000000000400';
    assert.deepEqual(await capabilities('-u', '1000', '--cap-add', 'NET_BIND_SERVICE'), [
      bind,
      bind,
      bind,
      DEFAULT,
      bind,
    ]);
    const fields = await status('-u', '1000:1001');
    assert.deepEqual(
      [fields['Uid'], fields['Gid'], fields['Groups']],
      ['1000 1000 1000 1000', '1001 1001 1001 1001', ''],
    );
  });

  it(
    'gains by a set-uid program only root of its namespace, and nothing with no-new-privileges',
    { skip: noIds },
    async () => {
      const ids = async (...flags: readonly string[]): Promise<string> =>
        printed(
          await box.hutch(['run', '--rm', '--net', 'none', '-u', '1000', ...flags, ATTACKER, 'set-uid-probe', 'ids']),
        );
      assert.equal(await ids(), '1000 0 0 0\n');
      assert.equal(await ids('--security-opt', 'no-new-privileges'), '1000 1000 0 0\n');
      assert.equal((await status('--security-opt', 'no-new-privileges'))['NoNewPrivs'], '1');
    },
  );

  it('has the limits, the OOM score and the umask of an ordinary program of the caller', async () => {
    const script = 'for f in limits oom_score_adj; do grep -v "Max open files" /proc/self/$f; done; umask';
    const inside = printed(await box.hutch(['run', '--rm', '--net', 'none', ATTACKER, 'sh', '-c', script]));
    const host = spawnSync('sh', ['-c', `umask 022; ${script}`], { encoding: 'utf8' }).stdout;
    assert.equal(inside, host);
  });

  it('has an environment of hutch and the image alone', async () => {
    const given = { env: { SECRET: 'of the caller', LD_PRELOAD: '/nowhere.so', NODE_OPTIONS: '--no-warnings' } };
    const outcome = await box.hutch(['run', '--rm', '--net', 'none', '-h', 'box', ATTACKER, 'env'], given);
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const lines = outcome.stdout.trim().split('\n').sort();
    assert.deepEqual(lines, ['HOME=/root', 'HOSTNAME=box', path, 'container=hutch']);
  });

  it('leads a session of its own, without a terminal', async () => {
    assert.deepEqual(await attacker.attack('session'), { pid: '1', session: '1', group: '1', 'open-tty': 'ENXIO' });
    assert.notEqual(unfenced(attacker.probe, ['session'])['session'], '1');
  });

  it('cannot find a key of the caller’s session', async () => {
    const wrapper = [attacker.probe, 'with-key'];
    const flags = ['run', '--rm', '--net', 'none', '--security-opt', 'seccomp=unconfined'];
    const inside = await box.hutch([...flags, ATTACKER, 'probe', 'find-key'], { wrapper });
    assert.equal(printed(inside), 'find-key ENOKEY\n');
    const naive = [...wrapper, 'unshare', '--user', '--map-root-user', '--pid', '--fork'];
    assert.deepEqual(unfenced(attacker.probe, ['find-key'], naive), { 'find-key': 'OK' });
  });

  it('cannot find a key that another container keeps', async () => {
    const flags = ['run', '--rm', '--net', 'none', '--security-opt', 'seccomp=unconfined', ATTACKER, 'probe'];
    const keeper = box.start([...flags, 'keep-key']);
    const [line] = (await once(keeper.stdout, 'data')) as [Buffer];
    const outcome = outcomeOf(keeper);
    assert.equal(line.toString(), 'kept\n');
    const found = printed(await box.hutch([...flags, 'find-key', '--', 'find-user-key']));
    assert.equal(found, 'find-key ENOKEY\nfind-user-key ENOKEY\n');
    process.kill((await descendant(/^probe keep-key/u)).pid, 'SIGKILL');
    await outcome;
    const inside = `probe keep-key >/dev/null & until probe find-key | grep ' OK'; do :; done; probe find-user-key; kill $!`;
    const control = await box.hutch([...flags.slice(0, -1), 'sh', '-c', inside]);
    assert.equal(control.stdout, 'find-key OK\nfind-user-key OK\n', 'control: within one container it is found');
  });

  it('sees no path of the store among the options of its overlay', async () => {
    const argv = ['run', '--rm', '--net', 'none', '--storage-driver', 'overlay', ATTACKER];
    const lines = printed(await box.hutch([...argv, 'grep', ' / / ', '/proc/self/mountinfo']))
      .trim()
      .split('\n');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', / - overlay .*lowerdir=/u);
    assert.ok(!lines[0]?.includes(box.directory), lines[0]);
    assert.match(box.data, new RegExp(`^${box.directory}`, 'u'));
  });
});
