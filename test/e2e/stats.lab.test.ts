/** The meters where cgroups are real: what `hutch stats`, `why` and `inspect` say of loads that are known, as an ordinary user below systemd. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { labSkip, printed, useLab } from '../lab/start-lab.ts';

const MIB = 1024 ** 2;
/** A processor for ever, and 60 MB. */
const LOAD = 'x = bytearray(60_000_000)\nwhile True: pass';
// Where it is slowed down only, it is there in the end.
const HUNGRY = 'import time; x = bytearray(200_000_000); time.sleep(1000)';

interface Device {
  readonly Name: string;
  readonly WrittenBytes: number;
  readonly Writes: number;
}

interface Row {
  readonly CountedBy: string;
  readonly CPU: { readonly Percent: number; readonly Periods: number; readonly ThrottledPeriods: number };
  readonly Memory: {
    readonly UsageBytes: number;
    readonly PeakBytes: number;
    readonly LimitBytes: number;
    readonly SwapBytes: number;
    readonly Events: Readonly<Record<string, number>>;
    readonly CountedBy: string;
  };
  readonly Tasks: { readonly Count: number; readonly Limit: number };
  readonly IO: {
    readonly CountedBy: string;
    readonly WrittenBytes: number;
    readonly Devices: readonly Device[];
  } | null;
  readonly Pressure: Readonly<
    Record<'CPU' | 'Memory', { readonly Some: { readonly Avg10: number; readonly TotalMicroseconds: number } } | null>
  > | null;
  readonly Network: readonly { readonly Device: string }[];
  readonly NetworkRate:
    readonly { readonly Direction: string; readonly BitsPerSecond: number; readonly Bytes: number }[] | null;
}

function assertBetween(least: number, value: number, most: number): void {
  assert.ok(value >= least && value <= most, `${String(value)} is not between ${String(least)} and ${String(most)}`);
}

describe('meters of a cgroup', { skip: labSkip() }, () => {
  const lab = useLab();
  const alice = async (command: string): Promise<string> => printed(await lab.as('alice', command));
  const stats = async (name: string): Promise<Row> => {
    const [row] = JSON.parse(await alice(`hutch stats --no-stream --format json ${name}`)) as [Row];
    return row;
  };
  before(async () => {
    if (labSkip() !== false) return;
    await lab.as('alice', 'cat >load.py', { input: LOAD });
    await lab.as('alice', 'cat >hungry.py', { input: HUNGRY });
  });

  it('shows a load of known processor time and memory, and its limits', async () => {
    await alice(
      'hutch run -d --name load --net none --cpus 0.5 --memory 128m --pids-limit 50 -v ./load.py:/load.py:ro host python3 /load.py',
    );
    // Python takes seconds to begin here.
    let row = await stats('load');
    for (let look = 0; look < 20 && row.Memory.UsageBytes < 60e6; look += 1) row = await stats('load');
    assert.equal(row.CountedBy, 'cgroup');
    assertBetween(40, row.CPU.Percent, 60);
    assert.ok(row.CPU.ThrottledPeriods > 0 && row.CPU.ThrottledPeriods <= row.CPU.Periods, 'it wants twice as much');
    assertBetween(60e6, row.Memory.UsageBytes, 80e6);
    assertBetween(row.Memory.UsageBytes, row.Memory.PeakBytes, 128 * MIB);
    assert.deepEqual([row.Memory.LimitBytes, row.Memory.CountedBy], [128 * MIB, 'cgroup']);
    assert.equal(row.Memory.Events['oom_kill'], 0);
    assert.deepEqual(row.Tasks, { ...row.Tasks, Count: 1, Limit: 50 });
    assert.ok((row.Pressure?.CPU?.Some.Avg10 ?? 0) > 1, 'half of the time it waits');
  });

  it('agrees with its table, and says by whom block I/O was counted', async () => {
    const { stdout, stderr, code } = await lab.as('alice', 'hutch stats --no-stream load');
    assert.equal(code, 0);
    assert.match(stdout, /^[0-9a-f]{12} +load +[45]\d\.\d\d% +[67]\d[.\d]*MiB \/ 128MiB +[45]\d\.\d\d% +/mu);
    assert.match(stderr, /^load: block I\/O is counted by process, as the io controller is not delegated/u);
    assert.equal((await stats('load')).IO?.CountedBy, 'processes');
  });

  it('sees nothing of a load next to it (control)', async () => {
    await alice('hutch run -d --name idle --net none --memory 128m host sleep 1000');
    const row = await stats('idle');
    assertBetween(0, row.CPU.Percent, 5);
    assertBetween(1, row.Memory.UsageBytes, 40e6);
    assert.equal(row.CPU.ThrottledPeriods, 0);
    const [waits, idles] = [(await stats('load')).Pressure, row.Pressure].map((each) => each?.CPU?.Some.Avg10 ?? -1);
    assert.ok(
      idles !== undefined && waits !== undefined && idles >= 0 && idles < waits / 2,
      `${String(idles)} ${String(waits)}`,
    );
    await alice('hutch rm -f idle');
  });

  it('why tells how much of its time was taken from it', async () => {
    await alice('hutch kill load && hutch wait load');
    const text = await alice('hutch why load');
    const [, share] =
      /used +memory: [67]\d[.\d]*MiB at most of its limit of 128MiB\n +processor: [\d.]+ s, and its limit was met in (\d+) % /u.exec(
        text,
      ) ?? [];
    assertBetween(50, Number(share), 100);
    assert.match(text, /processes and threads: \d+ at once of its limit of 50/u);
    await alice('hutch rm load');
  });

  it('a kill for lack of memory is named with its limit, and the counters stay', async () => {
    const run =
      'hutch run --name eater --net none --memory 64m --memory-swap 64m -v ./hungry.py:/hungry.py:ro host python3 /hungry.py';
    assert.equal((await lab.as('alice', run)).code, 137);
    const text = await alice('hutch why eater');
    assert.match(text, /the kernel killed \d process\(es\) of it for lack of memory: its limit is 64MiB \(--memory\)/u);
    assert.match(text, /memory: 1 process killed for lack of it/u);
    const [inspected] = JSON.parse(await alice('hutch inspect eater')) as [
      { State: { OOMKilled: boolean; Counters: Record<string, Record<string, number>> } },
    ];
    assert.equal(inspected.State.OOMKilled, true);
    assert.equal(inspected.State.Counters['memory.max']?.['value'], 64 * MIB);
    assert.ok((inspected.State.Counters['memory.events']?.['oom_kill'] ?? 0) >= 1);
    await alice('hutch rm eater');
  });

  it('beyond --memory-high it is slowed down and not killed, which stats and why tell', async () => {
    await alice(
      'hutch run -d --name braked --net none --memory-high 40m -v ./hungry.py:/hungry.py:ro host python3 /hungry.py',
    );
    let row = await stats('braked');
    for (let look = 0; look < 20 && (row.Memory.Events['high'] ?? 0) < 5; look += 1) row = await stats('braked');
    assert.ok((row.Memory.Events['high'] ?? 0) >= 5 && row.Memory.Events['oom_kill'] === 0, JSON.stringify(row.Memory));
    assert.ok((row.Pressure?.Memory?.Some.TotalMicroseconds ?? 0) > 0, JSON.stringify(row.Pressure));
    await alice('hutch kill braked && hutch wait braked');
    assert.match(
      await alice('hutch why braked'),
      /memory: [45]\d[.\d]*MiB at most, slowed down \d+ times above --memory-high/u,
    );
    await alice('hutch rm braked');
  });

  it('holds the network to its rate within 15 percent, and meters it', async () => {
    const drivers = path.join(import.meta.dirname, '../drivers/network');
    const put = (name: string) => lab.as('alice', `cat >${name}`, { input: readFileSync(path.join(drivers, name)) });
    await Promise.all([put('servers.py'), put('rate.py')]);
    await lab.root('ip addr replace 198.51.100.7/32 dev lo; ip addr replace 198.51.100.53/32 dev lo');
    await lab.root(
      'setsid sh -c "sleep 1000 | python3 /home/alice/servers.py >/tmp/servers 2>&1" >/dev/null 2>&1 </dev/null &',
    );
    await lab.until('grep -q ready /tmp/servers');
    await alice('hutch run -d --name held --network-rate 8mbit -v ./rate.py:/rate.py:ro host sleep 1000');
    for (const direction of ['in', 'out'] as const) {
      const bitsPerSecond = Number(await alice(`hutch exec held python3 /rate.py ${direction} 524288 2500000`));
      assertBetween(8e6 * 0.85, bitsPerSecond, 8e6 * 1.15);
    }
    const { NetworkRate, Network } = await stats('held');
    assert.deepEqual(
      Network.map(({ Device }) => Device),
      ['tap0'],
    );
    assert.deepEqual(
      (NetworkRate ?? []).map(({ BitsPerSecond }) => BitsPerSecond),
      [8e6, 8e6],
    );
    for (const { Bytes } of NetworkRate ?? []) assert.ok(Bytes > 2_500_000);
    const free = Number(await alice('hutch run --rm -v ./rate.py:/rate.py:ro host python3 /rate.py in 524288 8000000'));
    assert.ok(free > 16e6, `control: without the flag ${String(free)} bit/s`);
    await alice('hutch rm -f held');
  });

  it('counts block I/O by device where the io controller is delegated', async () => {
    const dropIn = '/etc/systemd/system/user@.service.d/delegate.conf';
    await lab.root(
      `mkdir -p $(dirname ${dropIn}); printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >${dropIn}; systemctl daemon-reload`,
    );
    await alice('systemctl --user daemon-reexec');
    const write = 'dd if=/dev/zero of=/io/file bs=1M count=8 oflag=direct 2>/dev/null; echo written; exec sleep 1000';
    await alice(`hutch run -d --name writer --net none -v /mnt/io:/io host sh -c '${write}'`);
    await lab.until(`su - alice -c 'hutch logs writer' | grep -q written`);
    const { IO } = await stats('writer');
    assert.equal(IO?.CountedBy, 'cgroup');
    const disk = IO.Devices.find(({ Name }) => Name === 'vdb');
    assertBetween(8 * MIB, disk?.WrittenBytes ?? 0, 10 * MIB);
    assert.ok((disk?.Writes ?? 0) >= 8);
    const { stderr } = await lab.as('alice', 'hutch stats --no-stream writer');
    assert.equal(stderr, '', 'nothing to note any more');
    await alice('hutch rm -f writer');
    await lab.root(`rm ${dropIn}; systemctl daemon-reload`);
  });
});
