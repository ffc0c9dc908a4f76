/** Limits of containers of root, and of users who come from root by su, in a machine with a real systemd. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { labSkip, printed, useLab } from '../lab/start-lab.ts';

const MOUNTS = "awk '{print $5}' /proc/self/mountinfo | sort";
const SCOPES = "find /sys/fs/cgroup -name 'hutch-*.scope'";

describe('limits of root below a real systemd', { skip: labSkip() }, () => {
  const lab = useLab();
  lab.atEnd(() => lab.as('root', 'hutch rm -f own'));

  it('doctor and run leave the mounts of the host alone, which are shared', async () => {
    const before = await lab.root(MOUNTS);
    assert.match(await lab.root('cat /proc/self/mountinfo'), / \/sys\/fs\/cgroup .* shared:/u, 'control');
    assert.match(await lab.root('hutch doctor'), /cgroup delegation: by .*: .*cpuset .*io/u);
    await lab.root('hutch run --rm host true');
    assert.equal(await lab.root(MOUNTS), before);
  });

  it('the scope is of the system, below hutch.slice, with every controller, whatever the environment says', async () => {
    const others = 'env XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus';
    const flags = '-m 64m --cpus 0.5 --cpuset-cpus 1 --device-write-bps /dev/vdb:2m';
    await lab.as('alice', 'true');
    await lab.root(`${others} hutch run -d --name own --net none ${flags} host sleep 1000`);
    const leaf = (await lab.root("hutch inspect -f '{{.State.CgroupPath}}' own")).trim();
    assert.match(leaf, /^\/sys\/fs\/cgroup\/hutch\.slice\/hutch-\w+\.scope\/payload$/u);
    assert.equal(
      await lab.root(`cd ${leaf}; cat memory.max cpu.max cpuset.cpus io.max`),
      '67108864\n50000 100000\n1\n254:16 rbps=max wbps=2097152 riops=max wiops=max\n',
    );
    assert.equal(await lab.root(SCOPES), `${leaf.replace('/payload', '')}\n`);
    await lab.root('hutch rm -f own');
    await lab.until(`! ${SCOPES} | grep .`);
  });

  it('what exceeds its memory is killed, and it cannot lift that', async () => {
    const eat = 'python3 -c "bytearray(200 << 20)"';
    const run = `hutch run --rm --net none -m 64m --memory-swap 64m host`;
    assert.equal((await lab.as('root', `${run} ${eat}`)).code, 137);
    const attack = 'echo max >/sys/fs/cgroup/memory.max';
    for (const flags of ['--privileged', '--privileged --systemd=true'])
      assert.equal(
        await lab.root(
          `${run.replace(' host', ` ${flags} host`)} sh -c '(${attack}) 2>/dev/null; cat /sys/fs/cgroup/memory.max'`,
        ),
        '67108864\n',
        flags,
      );
  });

  it("--systemd lets the container, whose root is not the host's, divide its cgroup", async () => {
    const script = 'cd /sys/fs/cgroup && mkdir a && echo $$ >a/cgroup.procs && echo +memory >cgroup.subtree_control';
    const run = (flags: string): string =>
      `hutch run --rm --net none ${flags} host sh -c '${script} && cat /proc/self/cgroup'`;
    assert.equal(await lab.root(run('--systemd=true')), '0::/a\n');
    assert.notEqual((await lab.as('root', run(''))).code, 0, 'control');
  });

  it('su gives a user who lingers a scope of their own systemd, whoever the environment belongs to', async () => {
    await lab.root('loginctl enable-linger bob');
    await lab.until('test -S /run/user/$(id -u bob)/bus');
    await lab.as('alice', 'true');
    const show = 'cat /proc/$(hutch inspect -f "{{.State.Pid}}" of)/cgroup';
    const script = `hutch run -d --name of --net none -m 64m host sleep 100 >/dev/null && ${show}; hutch rm -f of >/dev/null`;
    const uid = (await lab.root('id -u bob')).trim();
    const expected = new RegExp(`^0::/user\\.slice/user-${uid}\\.slice/user@${uid}\\.service/hutch\\.slice/`, 'u');
    for (const become of [
      'su - bob -c',
      'su bob -c',
      'XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus su bob -c',
    ])
      assert.match(await lab.root(`cd /; ${become} '${script}'`), expected, become);
    await lab.root('loginctl disable-linger bob');
  });

  it('without lingering su - is told what helps, and a container without limits runs', async () => {
    await lab.until('! test -e /run/user/$(id -u bob)');
    const asked = await lab.as('root', `su - bob -c 'hutch run --rm --net none -m 64m host true'`);
    assert.equal(asked.code, 125);
    assert.match(asked.stderr, /cannot apply --memory: .*\n.*loginctl enable-linger/u);
    assert.equal(printed(await lab.as('root', `su - bob -c 'hutch run --rm --net none host echo ran'`)), 'ran\n');
  });
});
