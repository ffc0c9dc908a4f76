/** Limits of containers, proved in a machine with a real systemd, as an ordinary user; podman in the same machine is the yardstick. */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { labSkip, printed, useLab, type Outcome } from '../lab/start-lab.ts';

/** Takes as many MiB of memory as its argument says. */
const EAT = 'import sys; x = bytearray(int(sys.argv[1]) << 20); print("ate")';
const SLICE = '/sys/fs/cgroup/user.slice/user-$(id -u alice).slice/user@$(id -u alice).service/hutch.slice';
const MEMORY_FILES = 'memory.max memory.swap.max memory.low memory.high';
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
    const starved = '--cgroup-conf memory.max=64k --cgroup-conf memory.swap.max=0';
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
    // The kernel divides by what each group runs on all processors, so their monitors must have come to rest; that takes its time here.
    const ratios: number[] = [];
    const isSo = (ratio = 0): boolean => ratio > 3 && ratio < 5;
    while (ratios.length < 6 && !isSo(ratios.at(-1))) {
      const before = await used();
      await alice('sleep 10');
      const now = await used();
      const [own = 0, other = 0] = now.map((value, index) => value - (before[index] ?? 0));
      ratios.push(other / own);
    }
    assert.ok(isSo(ratios.at(-1)), `1 to ${ratios.join(', to ')}`);
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
  });

  it('reads back the same as podman for the same flags, and by default', async () => {
    const flags = [
      '-m 96m --memory-swap 160m --memory-reservation 48m --cpu-quota 25000 --cpu-period 50000 --pids-limit 33',
      '--cpu-shares 512 --cpuset-cpus 1 --cpuset-mems 0 --blkio-weight 300',
      '--device-read-bps /dev/vdb:1m --device-write-bps /dev/vdb:2m --device-read-iops /dev/vdb:30 --device-write-iops /dev/vdb:40',
      '--cgroup-conf memory.high=83886080 --cgroup-conf memory.oom.group=1',
    ].join(' ');
    const files = `${MEMORY_FILES} memory.oom.group cpu.max cpu.weight cpuset.cpus cpuset.mems pids.max io.max io.weight`;
    const show = SHOW.replace('$FILES', files).replace('$D', '/sys/fs/cgroup');
    const { stdout: own, stderr } = await tried(`hutch run --rm --net none ${flags} host sh -c '${show}'`);
    assert.match(own, /^pids\.max 33$\n^io\.max 254:16 rbps=1048576 wbps=2097152 riops=30 wiops=40$/mu);
    assert.equal(own.trim().split('\n').length, 12);
    assert.match(stderr, /^hutch: warning: --blkio-weight has no effect now: /u);
    await alice(
      'mkdir -p box/bin && cp /bin/busybox box/bin/ && ln -sf busybox box/bin/sh && ln -sf busybox box/bin/cat',
    );
    const podman = async (words: string, command: string): Promise<string> =>
      (await tried(`podman run --rm --network none ${words} --rootfs /home/alice/box ${command}`)).stdout;
    assert.equal(own, await podman(flags, `sh -c '${show}'`));
    const pids = 'cat /sys/fs/cgroup/pids.max';
    const byDefault = await alice(`hutch run --rm --net none host ${pids}`);
    assert.deepEqual([byDefault, await podman('', pids)], ['2048\n', '2048\n']);
    assert.equal(await alice(`hutch run --rm --net none --pids-limit -1 host ${pids}`), 'max\n');
  });

  it('update of every limit: all at once, read back, or none; a device that is not named keeps its rates', async () => {
    await alice('hutch run -d --name every --net none host sleep 1000');
    const leaf = await leafOf('every');
    const files = `${MEMORY_FILES} cpu.max cpu.weight ../cpu.weight cpuset.cpus cpuset.mems pids.max io.max`;
    const read = (): Promise<string> => alice(SHOW.replace('$FILES', files).replace('$D', leaf));
    await alice(
      `hutch update -m 64m --memory-reservation 20m --memory-high 40m --cpu-quota 25000 --cpu-period 50000 --cpu-shares 512 --cpuset-cpus 1 --cpuset-mems 0 --pids-limit 77 --device-read-bps /dev/vdb:1m --device-write-bps /dev/vdb:2m --device-read-iops /dev/vdb:30 --device-write-iops /dev/vdb:40 every`,
    );
    const all = await read();
    assert.equal(
      all,
      [
        ['memory.max 67108864', 'memory.swap.max 67108864', 'memory.low 20971520', 'memory.high 41943040'],
        ['cpu.max 25000 50000', 'cpu.weight 20', '../cpu.weight 20', 'cpuset.cpus 1', 'cpuset.mems 0', 'pids.max 77'],
        ['io.max 254:16 rbps=1048576 wbps=2097152 riops=30 wiops=40\n'],
      ]
        .flat()
        .join('\n'),
    );
    const more = '--memory-high 50m --cpu-quota 30000 --cpu-shares 256 --cpuset-cpus 0 --device-write-bps /dev/vdb:3m';
    refused(await tried(`hutch update ${more} --cgroup-conf memory.oom.group=7 every`), /does not take "7"/u);
    refused(await tried(`hutch update ${more} --cpuset-mems 1 every`), /take "1".*\n.*that there are here: 0$/mu);
    assert.equal(await read(), all);
    await alice('hutch update --device-write-bps /dev/vdc:3m every && hutch restart -t 0 every');
    assert.match(await read(), /254:32 .*wbps=3145728 [^]*^254:16 |254:16 .*wbps=2097152 [^]*^254:32 /mu);
    await alice('hutch update --device-write-bps /dev/vdc:0 --memory-high 0 --pids-limit -1 every');
    assert.equal(await read(), all.replace('high 41943040', 'high max').replace('pids.max 77', 'pids.max max'));
    await alice('hutch rm -f every');
  });

  it('a weight of block I/O is where bfq looks for it', async () => {
    await lab.root('modprobe bfq && echo bfq >/sys/block/vdb/queue/scheduler');
    const { stdout, stderr } = await tried(
      `hutch run --rm --net none --blkio-weight 300 host sh -c 'cat /sys/fs/cgroup/io.weight /sys/fs/cgroup/io.bfq.weight'`,
    );
    assert.deepEqual([stdout, stderr], ['default 2930\ndefault 300\n', '']);
    await lab.root('echo none >/sys/block/vdb/queue/scheduler && rmmod bfq');
    await lab.root(`rm ${DROP_IN} && systemctl daemon-reload`);
    await alice('systemctl --user daemon-reexec');
  });

  it('what no user can have is refused with the reason', async () => {
    const REFUSALS: readonly (readonly [string, RegExp])[] = [
      ['--cgroup-conf hugetlb.2MB.max=1', /hugetlb.2MB.max cannot be had by an ordinary user: .*huge pages/u],
      ['--cgroup-conf rdma.max=max', /rdma.max cannot be had by an ordinary user: .*RDMA/u],
      ['--cgroup-conf memory.magic=1', /--cgroup-conf memory.magic: .*this kernel has no such file/u],
      ['--device /dev/vdb', /you may not open \/dev\/vdb yourself, and neither may a container of yours/u],
      ['--cgroup-parent a--b.slice', /invalid value "a--b.slice" for --cgroup-parent/u],
    ];
    for (const [flags, message] of REFUSALS)
      refused(await tried(`hutch run --rm --net none ${flags} host true`), message);
    assert.equal(await alice('hutch ps -aq'), '', 'nothing half made');
  });

  it("--cgroup-parent: a slice of the user's own holds what is in it within its limits", async () => {
    const unit = '.config/systemd/user/work.slice';
    await alice(`mkdir -p $(dirname ${unit}); printf '[Slice]\nMemoryMax=64M\nMemorySwapMax=0\n' >${unit}`);
    await alice('systemctl --user daemon-reload');
    const script = `cat /proc/self/cgroup; exec python3 -c "$0" 200`;
    const { code, stdout } = await tried(
      `hutch run --name within --net none --cgroup-parent work.slice --cgroupns host host sh -c '${script}' '${EAT}'`,
    );
    assert.equal(code, 137);
    assert.match(stdout, /\/work\.slice\/hutch-\w+\.scope\/payload\n$/u);
    assert.match(await alice('hutch why within'), /the kernel killed 1 process\(es\) of its control group/u);
    assert.equal((await tried(`hutch run --rm --net none host python3 -c '${EAT}' 200`)).stdout, 'ate\n', 'control');
    await alice(`hutch rm within; rm ${unit}; systemctl --user daemon-reload`);
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
    // It counts as restarted before its new leaf has its limits; nobody is in that leaf until then.
    await lab.until(`test "$(cat ${leaf}/memory.max)" = 67108864`);
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
