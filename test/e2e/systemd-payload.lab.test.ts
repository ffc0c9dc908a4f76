/** A systemd as the payload of a container, in a machine with a real systemd, as an ordinary user: Debian's own, from the machine's tree. */

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { labSkip, printed, useLab, type Outcome } from '../lab/start-lab.ts';

/** What the machine has and an image of Debian has not: its disks and modules, ssh, podman; and what is large. */
const LEFT_OUT = [
  ...['boot', 'home', 'opt', 'root', 'usr/local', 'usr/lib/modules', 'usr/lib/cni', 'usr/lib/python3.11'],
  ...['usr/lib/x86_64-linux-gnu/perl', 'usr/share/perl', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'],
  ...['usr/lib/udev/hwdb.*', 'usr/bin/podman', 'usr/lib/podman', '*podman*.socket', '*podman*.service'],
  ...['var/lib/dpkg', 'var/lib/apt', 'var/cache', 'var/log/*', 'var/tmp/*', 'tmp/*', 'etc/fstab'],
  ...['etc/machine-id', 'etc/ssh', '*/ssh*.service', '*/ssh*.socket', '*/nftables.service', '*/cni-dhcp.*'],
].map((path) => `--exclude='./${path}'`);

/** Waits for its socket, then for the end of its start; prints what came of it. */
const BOOTED =
  'timeout 60 sh -c "until hutch exec sys test -S /run/systemd/private; do :; done"; timeout 100 hutch exec sys systemctl is-system-running --wait';

describe('systemd as the payload', { skip: labSkip() }, () => {
  const lab = useLab();
  const tried = (command: string): Promise<Outcome> => lab.as('alice', command);
  const alice = async (command: string): Promise<string> => printed(await tried(command));
  const leafOf = async (name: string): Promise<string> =>
    (await alice(`hutch inspect -f '{{.State.CgroupPath}}' ${name}`)).trim();

  lab.atEnd(() => tried('hutch rm -f sys'));

  before(async () => {
    await lab.root(`tar -C / --one-file-system ${LEFT_OUT.join(' ')} -cf /tmp/debian.tar .`);
    // Empty: this is no first boot, which would ask at the console; the id is the container's.
    await lab.root('mkdir -p /tmp/empty/etc && touch /tmp/empty/etc/machine-id');
    await lab.root('tar -C /tmp/empty -rf /tmp/debian.tar ./etc/machine-id');
    await alice('hutch image import /tmp/debian.tar debian');
    await lab.root('rm /tmp/debian.tar');
  });

  it('is recognized by its command, boots, and is running with nothing failed', async () => {
    await alice('hutch run -dt --name sys --net none -m 200m --memory-swap 200m --pids-limit 100 debian /sbin/init');
    assert.equal(await alice(BOOTED), 'running\n');
    assert.equal(await alice('hutch exec sys systemctl --failed --quiet --no-legend'), '');
    assert.match(
      await alice('hutch exec sys systemctl status'),
      /CGroup: \/\n.*init\.scope\n(?:.*\n)*.*system\.slice/u,
    );
    assert.match(await alice('hutch logs sys'), /Reached target [^\n]*multi-user\.target/u);
    const [uuid, machineId] = (await alice(`hutch exec sys sh -c 'echo "$container_uuid"; cat /etc/machine-id'`)).split(
      '\n',
    );
    assert.equal(uuid?.replaceAll('-', ''), machineId);
  });

  it('starts units, one with limits of its own, all below the leaf of the container', async () => {
    const leaf = await leafOf('sys');
    await alice('hutch exec sys systemd-run --unit job -p MemoryMax=20M -p TasksMax=7 sleep 1000');
    assert.equal(await alice('hutch exec sys systemctl is-active job'), 'active\n');
    const job = `${leaf}/system.slice/job.service`;
    assert.equal(await alice(`cat ${job}/memory.max ${job}/pids.max; wc -l <${job}/cgroup.procs`), '20971520\n7\n1\n');
    // The control: as root of the machine sees it, its processes are there.
    const inside = '$(readlink /proc/$(cat $D/init.scope/cgroup.procs)/ns/pid)';
    const ofIt = (group: string): string =>
      `D=${leaf}; N=${inside}; for p in $(find ${group} -name cgroup.procs -exec cat {} +); do readlink /proc/$p/ns/pid; done | grep -cxF "$N"`;
    assert.ok(Number(await lab.root(ofIt(leaf))) >= 5);
    assert.equal((await lab.as('root', ofIt(`${leaf}/../hutch`))).stdout, '0\n');
  });

  it('cannot lift its limits, and what it starts is held to them', async () => {
    const leaf = await leafOf('sys');
    for (const attack of [
      'echo max >/sys/fs/cgroup/memory.max',
      'echo max >/sys/fs/cgroup/pids.max',
      'systemctl set-property --runtime -- -.slice MemoryMax=infinity TasksMax=infinity',
      'echo 1 >/sys/fs/cgroup/../cgroup.procs',
    ])
      await tried(`hutch exec sys sh -c '${attack}'`);
    assert.equal(await alice(`cat ${leaf}/memory.max ${leaf}/pids.max`), '209715200\n100\n');
    // The control: it may divide what it has.
    await alice(`hutch exec sys sh -c 'echo 30M >/sys/fs/cgroup/system.slice/memory.max'`);
    assert.equal(await alice(`cat ${leaf}/system.slice/memory.max`), '31457280\n');
    await alice(`hutch exec sys sh -c 'echo max >/sys/fs/cgroup/system.slice/memory.max'`);
    const eat = 'systemd-run --wait -p MemoryMax=infinity sh -c "head -c 400M /dev/zero | tail"';
    assert.notEqual((await tried(`hutch exec sys ${eat}`)).code, 0);
    assert.match(await alice(`cat ${leaf}/memory.events`), /^oom_kill [1-9]/mu);
    assert.ok(Number(await alice(`cat ${leaf}/memory.peak`)) <= 209_715_200);
  });

  it('pause and stats see all of it', async () => {
    await alice('hutch pause sys');
    const leaf = await leafOf('sys');
    const used = (): Promise<string> => alice(`sed -n 's/^usage_usec //p' ${leaf}/cpu.stat`);
    const before = await used();
    await alice('sleep 1');
    assert.equal(await used(), before);
    await alice('hutch unpause sys');
    const pids = Number(await alice("hutch stats --no-stream --format '{{.PIDs}}' sys"));
    assert.ok(pids > 4, String(pids));
  });

  it('a restart and a stop are clean, in time, by SIGRTMIN+3, and leave nothing', async () => {
    await alice('hutch restart sys');
    assert.equal(await alice(BOOTED), 'running\n');
    await alice('hutch stop sys');
    const why = await alice('hutch why sys');
    assert.match(why, /ended .* with exit code 0/u);
    assert.match(why, /SIGRTMIN\+3 was sent .* by: hutch stop sys/u);
    assert.doesNotMatch(why, /SIGKILL was sent/u);
    await alice('hutch rm sys');
    await lab.until(`! find /sys/fs/cgroup/user.slice -name 'hutch-*.scope' | grep .`);
  });

  it('without being asked, or with --systemd=false, nothing of that is given', async () => {
    const show = 'grep -c " /run " /proc/self/mountinfo; test -w /sys/fs/cgroup/cgroup.procs && echo may write';
    const run = (flags: string): Promise<Outcome> =>
      tried(`hutch run --rm --net none ${flags} debian -c '${show}; true'`);
    assert.equal(printed(await run('--entrypoint sh')), '0\n');
    assert.equal(printed(await run('--systemd=always --entrypoint sh')), '1\nmay write\n', 'control');
    const { code, stderr } = await tried('hutch run --rm --systemd=perhaps debian true');
    assert.equal(code, 125);
    assert.match(stderr, /"perhaps" for --systemd\n.*auto, true, always or false/u);
  });
});
