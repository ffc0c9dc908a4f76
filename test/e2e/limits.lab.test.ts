/** Limits of containers, proved in a machine with a real systemd, as an ordinary user; podman in the same machine is the yardstick. */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { labSkip, printed, useLab, type Outcome } from '../lab/start-lab.ts';

/** Takes as many MiB of memory as its argument says. */
const EAT = 'import sys; x = bytearray(int(sys.argv[1]) << 20); print("ate")';
const SLICE = '/sys/fs/cgroup/user.slice/user-$(id -u alice).slice/user@$(id -u alice).service/hutch.slice';
const DROP_IN = '/etc/systemd/system/user@.service.d/delegate.conf';
/** Names a file with what it holds, for each of several. */
const SHOW = 'for f in $FILES; do echo "$f $(cat $D/$f)"; done';

describe('limits below a real systemd', { skip: labSkip() }, () => {
  const lab = useLab();
  const tried = (command: string): Promise<Outcome> => lab.as('alice', command);
  const alice = async (command: string): Promise<string> => printed(await tried(command));
  const leafOf = async (name: string): Promise<string> =>
    (await alice(`hutch inspect -f '{{.State.CgroupPath}}' ${name}`)).trim();
  const nothingLeft = (): Promise<void> => lab.until(`! find ${SLICE} -name 'hutch-*' 2>/dev/null | grep .`);

  async function counter(leaf: string, file: string, key: string): Promise<number> {
    return Number(await alice(`sed -n 's/^${key} //p' ${leaf}/${file}`));
  }

  function refused({ code, stderr }: Outcome, message: RegExp): void {
    assert.equal(code, 125, stderr);
    assert.match(stderr, message);
  }

  it('memory: what goes beyond is killed and said, what stays below lives', async () => {
    const eat = (name: string, size: number): string =>
      `hutch run --name ${name} --net none -m 100m --memory-swap 100m host python3 -c '${EAT}' ${String(size)}`;
    assert.equal(await alice(eat('below', 60)), 'ate\n');
    const { code, stdout } = await tried(eat('beyond', 200));
    assert.deepEqual([code, stdout], [137, '']);
    assert.equal(
      await alice("hutch inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' beyond below"),
      'true 137\nfalse 0\n',
    );
    assert.match(
      await alice('hutch why beyond'),
      /the kernel killed 1 process\(es\) of it .* its limit is 100MiB \(--memory\)/u,
    );
    assert.match(await alice('hutch events --since 1h --until 0s --filter event=oom'), /container oom .*name=beyond/u);
    await alice('hutch rm below beyond');
  });

  it("memory: docker's least is enough for a start; less is refused, or told as what it is", async () => {
    await alice('hutch run --rm --net none -m 6m --memory-swap 6m host true');
    refused(
      await tried('hutch run --rm --net none -m 5m host true'),
      /invalid value "5m" for --memory\n.*at least 6m/u,
    );
    const starved = '--cgroup-conf memory.max=256k --cgroup-conf memory.swap.max=0';
    refused(
      await tried(`hutch run --rm --net none ${starved} host true`),
      /needs more memory to start than its limit/u,
    );
  });

  it('swap: beyond memory there is as much of it as was given, and no more', async () => {
    const eat = (size: number): string =>
      `hutch run --rm --net none -m 64m --memory-swap 160m host python3 -c '${EAT}' ${String(size)}`;
    assert.equal(await alice(eat(100)), 'ate\n', 'control: more than the memory alone');
    assert.equal((await tried(eat(300))).code, 137);
  });

  it('cpu quota: the share that is used is within a tenth of the one that was given', async () => {
    await alice(`hutch run -d --name quota --net none --cpus 0.2 host sh -c 'while :; do :; done'`);
    const leaf = await leafOf('quota');
    const [before, start] = [await counter(leaf, 'cpu.stat', 'usage_usec'), await uptime()];
    await alice('sleep 10');
    const [used, passed] = [(await counter(leaf, 'cpu.stat', 'usage_usec')) - before, (await uptime()) - start];
    assert.ok(Math.abs(used / passed / 1e6 / 0.2 - 1) < 0.1, `${String(used)} µs in ${String(passed)} s`);
    await alice('hutch rm -f quota');
  });

  /** Seconds since boot, by the clock of the machine. */
  async function uptime(): Promise<number> {
    return Number((await alice('cat /proc/uptime')).split(' ')[0]);
  }

  it('cpu weight: two that want the same processor share it 1 to 4', async () => {
    const busy = (name: string, shares: number): string =>
      `hutch run -d --name ${name} --net none -c ${String(shares)} host taskset 1 sh -c 'while :; do :; done'`;
    // 262 shares are a weight of 10, 1024 are 39.
    await alice(`${busy('light', 262)} && ${busy('heavy', 1024)}`);
    const [light, heavy] = [await leafOf('light'), await leafOf('heavy')];
    // Both in one look: whatever is slow in between counts for both.
    const used = async (): Promise<readonly number[]> =>
      (await alice(`sed -n 's/^usage_usec //p' ${light}/cpu.stat ${heavy}/cpu.stat`)).trim().split('\n').map(Number);
    const before = await used();
    await alice('sleep 10');
    const now = await used();
    const [own = 0, other = 0] = now.map((value, index) => value - (before[index] ?? 0));
    const ratio = other / own;
    assert.ok(ratio > 3 && ratio < 5, `1 to ${String(ratio)}`);
    await alice('hutch rm -f light heavy');
  });

  it('processes: a fork bomb stays within its limit while hutch answers', async () => {
    await alice(`hutch run -d --name bomb --net none --pids-limit 50 host bash -c 'f() { f | f & }; f; sleep 1000'`);
    const leaf = await leafOf('bomb');
    await lab.until(`grep -q '^max [1-9]' ${leaf}/pids.events`);
    assert.ok(Number(await alice(`cat ${leaf}/pids.current`)) <= 50);
    assert.match(await alice('hutch ps'), /bomb/u);
    await alice('hutch rm -f bomb');
    await nothingLeft();
  });

  it('a controller that is not delegated is named, with what an admin and the user can do', async () => {
    const message =
      /--cpuset-cpus needs the controller cpuset, and those delegated here are: cpu memory pids\n.*Delegate=cpu cpuset io memory pids.*systemctl --user daemon-reexec/u;
    refused(await tried('hutch run --rm --net none --cpuset-cpus 0 host true'), message);
    refused(await tried('hutch run --rm --net none --device-write-bps /dev/vdb:1m host true'), /the controller io/u);
    assert.equal(await alice('hutch ps -aq'), '', 'nothing half made');
  });

  it('processors and block devices: limited where an admin has delegated them', async () => {
    await lab.root(
      `mkdir -p $(dirname ${DROP_IN}); printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >${DROP_IN}`,
    );
    await lab.root('systemctl daemon-reload');
    const flags = '--cpuset-cpus 1 --device-write-bps /dev/vdb:2m';
    // The manager has the controllers at once, and gives them away only when it has looked again.
    refused(await tried(`hutch run --rm --net none ${flags} host true`), /daemon-reexec/u);
    await alice('systemctl --user daemon-reexec');
    assert.equal(await alice('hutch run --rm --net none --cpuset-cpus 1 host nproc'), '1\n');
    refused(
      await tried('hutch run --rm --net none --cpuset-cpus 7 host true'),
      /--cpuset-cpus: the kernel does not take "7"/u,
    );
    const write = 'dd if=/dev/zero of=/io/file bs=1M count=8 oflag=direct 2>&1; rm /io/file';
    const speed = await alice(`hutch run --rm --net none ${flags} -v /mnt/io:/io host sh -c '${write}'`);
    const seconds = Number(/, ([\d.]+) s,/u.exec(speed)?.[1]);
    assert.ok(seconds > 3 && seconds < 6, speed);
    await lab.root(`rm ${DROP_IN} && systemctl daemon-reload`);
    await alice('systemctl --user daemon-reexec');
  });

  it('a rate of the network: doctor tries what it needs, and names what is missing', async () => {
    const doctor = async (): Promise<string> => (await tried('hutch doctor')).stdout;
    assert.match(await doctor(), /ok +rate of a network/u);
    await lab.root('mv /usr/sbin/tc /usr/sbin/tc.away');
    assert.match(await doctor(), /warn +rate of a network.*tc not installed/u);
    await lab.root('mv /usr/sbin/tc.away /usr/sbin/tc');
    await lab.root('rmmod ifb; echo "install ifb /bin/false" >/etc/modprobe.d/no-ifb.conf');
    assert.match(await doctor(), /warn +rate of a network.*\n.*lack ifb \(CONFIG_IFB\)(?:.*\n)*.*modprobe -a ifb/u);
    await lab.root('rm /etc/modprobe.d/no-ifb.conf');
  });

  it('a payload can lift none of its limits', async () => {
    const attacks = [
      'echo max >/sys/fs/cgroup/memory.max',
      'mount -o remount,rw /sys/fs/cgroup && echo max >/sys/fs/cgroup/memory.max',
      'mkdir /tmp/c && mount -t cgroup2 none /tmp/c && echo max >/tmp/c/memory.max',
      'unshare --cgroup --mount sh -c "mount -t cgroup2 none /mnt && echo max >/mnt/memory.max"',
      'echo $$ >/sys/fs/cgroup/../cgroup.procs',
    ];
    const script = [...attacks.map((attack) => `(${attack}) 2>/dev/null`), 'sleep 1000'].join('; ');
    for (const more of ['', '--cap-add ALL --security-opt seccomp=unconfined', '--privileged --systemd=true']) {
      await alice(`hutch run -d --name thief --net none -m 64m ${more} host sh -c '${script}'`);
      const leaf = await leafOf('thief');
      await alice('sleep 3');
      assert.equal(await alice(`cat ${leaf}/memory.max`), '67108864\n', more);
      assert.match(
        await alice(
          `cat ${leaf}/../*/cgroup.procs | wc -l; cat /proc/$(hutch inspect -f '{{.State.Pid}}' thief)/cgroup`,
        ),
        /\/payload\n$/u,
      );
      await alice('hutch rm -f thief');
    }
  });

  it('exec: what comes later is within the same limits', async () => {
    await alice('hutch run -d --name late --net none -m 64m --memory-swap 64m host sleep 1000');
    assert.equal((await tried(`hutch exec late python3 -c '${EAT}' 200`)).code, 137);
    assert.equal(await alice(`hutch exec late python3 -c '${EAT}' 10`), 'ate\n', 'control');
    await alice('hutch exec -d late sleep 1000');
    assert.equal(await alice(`wc -l <$(echo ${await leafOf('late')})/cgroup.procs`), '2\n');
    await alice('hutch rm -f late');
  });

  it('update: all at once and for the next start, or nothing', async () => {
    await alice('hutch run -d --name web --net none -m 64m --pids-limit 30 host sleep 1000');
    const leaf = await leafOf('web');
    await alice('hutch update -m 80m --cpus 0.5 web');
    const read = (): Promise<string> => alice(`cat ${leaf}/memory.max ${leaf}/cpu.max ${leaf}/pids.max`);
    assert.equal(await read(), '83886080\n50000 100000\n30\n');
    refused(await tried('hutch update --pids-limit 40 --cgroup-conf memory.oom.group=7 web'), /does not take "7"/u);
    assert.equal(await read(), '83886080\n50000 100000\n30\n');
    await alice('hutch restart -t 0 web && hutch update --pids-limit 20 web && hutch stop -t 0 web');
    await alice('hutch update -m 90m web && hutch start web');
    assert.equal(await read(), '94371840\n50000 100000\n20\n');
    await alice('hutch rm -f web');
  });

  it('pause: every process stands still, and goes on afterwards', async () => {
    await alice(`hutch run -d --name busy --net none host sh -c 'while :; do :; done'`);
    const leaf = await leafOf('busy');
    const used = (): Promise<number> => counter(leaf, 'cpu.stat', 'usage_usec');
    await alice('hutch pause busy');
    assert.match(await alice('hutch ps'), /\(Paused\)/u);
    const before = await used();
    await alice('sleep 2');
    assert.equal(await used(), before);
    refused(await tried('hutch exec busy true'), /"busy" is paused/u);
    refused(await tried('hutch pause busy'), /is paused already/u);
    await alice('hutch unpause busy && sleep 2');
    assert.ok((await used()) > before);
    await alice('hutch pause busy && hutch rm -f busy');
    await nothingLeft();
  });

  it('nothing is left after rm -f, the death of the monitor, and a scope that is stopped from outside', async () => {
    await alice('hutch run -d --name one host sleep 1000 && hutch rm -f one');
    await nothingLeft();
    await alice(`hutch run -d --name two host sleep 1000 && kill -9 $(hutch inspect -f '{{.State.MonitorPid}}' two)`);
    await nothingLeft();
    await alice(`hutch run -d --name three host sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'`);
    const unit = /hutch-\w+\.scope/u.exec(await leafOf('three'))?.[0] ?? '';
    await alice(`systemctl --user stop ${unit}`);
    await nothingLeft();
    assert.match(await alice('hutch why three'), new RegExp(`systemd was ending ${unit}`, 'u'));
    assert.match(await alice('hutch ps -a'), /Exited \(7\)/u);
    await alice('hutch rm two three');
    await lab.until('! pgrep -u alice slirp4netns');
  });

  it('a container of a policy starts again within its limits, with counters that begin anew', async () => {
    await alice(`hutch run -d --name again --net none --restart always -m 64m host sleep 2`);
    const leaf = await leafOf('again');
    await lab.until(`test "$(su - alice -c "hutch inspect -f '{{.RestartCount}}' again")" -ge 1`);
    assert.equal(await alice(`cat ${leaf}/memory.max`), '67108864\n');
    await alice('hutch rm -f again');
    await nothingLeft();
  });

  it('without systemd: in a service that an admin has delegated to the user', async () => {
    const show = 'cat /proc/self/cgroup /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max';
    const script = `hutch run --rm --net none --cgroup-driver cgroupfs -m 64m --pids-limit 9 host ${show}; find /sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)/.. -name "hutch-*"`;
    assert.equal(printed(await inService(script)), '0::/\n67108864\n9\n');
    refused(await tried('hutch run --rm --net none --cgroup-driver cgroupfs host true'), /not delegated/u);
  });

  it('check finds and mends what is left of a container whose monitor was killed, with either driver', async () => {
    const kill = `kill -9 $(hutch inspect -f '{{.State.MonitorPid}}' left)`;
    // With the host's pids, and another user's than the one that made it, a payload outlives its monitor.
    const payload = 'setpriv --reuid 5 --clear-groups sleep 1000';
    const make = `hutch run -d --name left --net none --pid host`;
    const check = 'hutch check; hutch check --repair; hutch check';
    await alice(`${make} host ${payload} && hutch run -d --name lives --net none host sleep 1000`);
    const leaf = await leafOf('left');
    await alice(kill);
    await lab.until(`grep . ${leaf}/cgroup.procs && ! grep . ${leaf}/../hutch/cgroup.procs`);
    assert.match((await tried('hutch check')).stdout, /cgroup: processes of a container .*\n.*hutch-\w+\.scope/u);
    assert.match(
      await alice('hutch check --repair && hutch check'),
      /mended {2}cgroup: .*\n(?:.*\n)*Nothing is left over/u,
    );
    await nothingOf(leaf);
    assert.equal(await alice("hutch ps --format '{{.Names}}'"), 'lives\n', 'control');
    await alice('hutch rm -f left lives');
    const script = `set -x; ${make} --cgroup-driver cgroupfs host ${payload}; ${kill}; sleep 1; ${check}`;
    const { stdout } = await inService(script.replaceAll("'", '"'));
    assert.match(
      stdout,
      /found {3}cgroup: .*\n.*\/hutch\/hutch-\w+\n(?:.*\n)*mended {2}cgroup: .*\n(?:.*\n)*Nothing is left over/u,
    );
    await alice('hutch rm left');
  });

  const nothingOf = (leaf: string): Promise<void> => lab.until(`! test -e ${leaf}`);
  const inService = (script: string): Promise<Outcome> =>
    lab.as(
      'root',
      `systemd-run --quiet --pipe --wait --collect -p User=alice -p Delegate=yes -p WorkingDirectory=/home/alice -- sh -c '${script}'`,
    );

  it('reads back the same as podman for the same flags', async () => {
    const flags = '-m 96m --memory-swap 160m --memory-reservation 48m --cpus 0.5 --pids-limit 33 --cpu-shares 512';
    const files = 'memory.max memory.swap.max memory.low cpu.max pids.max cpu.weight';
    const show = SHOW.replace('$FILES', files).replace('$D', '/sys/fs/cgroup');
    const own = await alice(`hutch run --rm --net none ${flags} host sh -c '${show}'`);
    assert.equal(own.split('\n').length, 7);
    await alice(
      'mkdir -p box/bin && cp /bin/busybox box/bin/ && ln -sf busybox box/bin/sh && ln -sf busybox box/bin/cat',
    );
    const podman = await alice(`podman run --rm --network none ${flags} --rootfs /home/alice/box sh -c '${show}'`);
    assert.equal(own, podman);
  });

  it('a user without a session is told how to get a cgroup, and runs without', async () => {
    const bare = 'setpriv --reuid=bob --regid=bob --init-groups env -i HOME=/home/bob PATH=$PATH';
    const run = (flags: string): Promise<Outcome> =>
      lab.as('root', `${bare} hutch run --rm --net none ${flags} host echo ran`);
    refused(await run('-m 64m'), /cannot apply --memory: there is no systemd user manager .*\n.*enable-linger/u);
    assert.equal(printed(await run('')), 'ran\n');
  });

  // One that fails leaves nothing to those after it.
  afterEach(async () => {
    await alice('ids=$(hutch ps -aq); test -z "$ids" || hutch rm -f $ids >/dev/null');
  });
});
