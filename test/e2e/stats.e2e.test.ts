/** `hutch stats` where containers have no cgroup, or whatever this host has: shares, memory, streams, terminals. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from './processes.ts';
import { startContainer, type Running } from './running.ts';
import { assertRefused, hostSkip, HUTCH, makeSandbox, outcomeOf, type Outcome } from './sandbox.ts';

interface Row {
  readonly Name: string;
  readonly Status: string;
  readonly CPUPerc: string;
  readonly CPU: { readonly Percent: number; readonly ThrottledPeriods: number | null } | null;
  readonly Memory: { readonly UsageBytes: number; readonly CapacityBytes: number } | null;
  readonly Tasks: { readonly Count: number } | null;
  readonly Network: readonly { readonly Device: string }[] | null;
}

function percentOf(rows: readonly Row[], name: string): number {
  return rows.find(({ Name }) => Name === name)?.CPU?.Percent ?? Number.NaN;
}

function memoryOf(rows: readonly Row[], name: string): number {
  return rows.find(({ Name }) => Name === name)?.Memory?.UsageBytes ?? Number.NaN;
}

function assertBetween(least: number, value: number, most: number): void {
  assert.ok(value >= least && value <= most, `${String(value)} is not between ${String(least)} and ${String(most)}`);
}

describe('hutch stats', { skip: hostSkip() }, () => {
  const running: Running[] = [];
  after(async () => {
    for (const container of running) await container.end();
  });
  const box = makeSandbox();
  const start = async (name: string, words: readonly string[]): Promise<void> =>
    void running.push(await startContainer(box, name, words));
  before(async () => {
    await start('busy', ['host', 'sh', '-c', 'while :; do :; done']);
    await start('big', ['host', 'python3', '-c', 'x = bytearray(60_000_000)\nimport time\ntime.sleep(1000)']);
    await start('idle', ['host', 'sh', '-c', 'sleep 1001 & exec sleep 1002']);
  });
  const rows = async (...words: readonly string[]): Promise<Row[]> => {
    const { code, stdout, stderr } = await box.hutch(['stats', '--no-stream', '--format', 'json', ...words]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Row[];
  };

  it('tells the busy from the idle, and sees what is allocated', async () => {
    let seen = await rows();
    // Python may take a while to get to its allocation.
    for (let look = 0; look < 5 && memoryOf(seen, 'big') < 55e6; look += 1) seen = await rows();
    // The test machine is shared, so a loop need not get all of a processor.
    assertBetween(10, percentOf(seen, 'busy'), 120);
    assertBetween(0, percentOf(seen, 'idle'), 5);
    assertBetween(55e6, memoryOf(seen, 'big'), 90e6);
    assertBetween(1, memoryOf(seen, 'idle'), 20e6);
    const idle = seen.find(({ Name }) => Name === 'idle');
    assert.equal(idle?.Tasks?.Count, 2);
    assert.deepEqual(idle.Network, [], 'with --net none there is lo alone');
  });

  it('shows docker’s columns, and a note where nobody counts', async () => {
    const { stdout, stderr } = await box.hutch(['container', 'stats', '--no-stream', 'idle', 'busy']);
    const [header, first, second] = stdout.split('\n');
    assert.match(header ?? '', /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/u);
    assert.match(first ?? '', /^[0-9a-f]{12} +idle +\d+\.\d\d% +[\d.]+[KM]iB \/ [\d.]+GiB +\d+\.\d\d% +0B \/ 0B /u);
    assert.match(second ?? '', / busy /u);
    const counted = JSON.parse((await box.hutch(['inspect', 'idle'])).stdout) as { State: { CgroupPath?: string } }[];
    if ((counted[0]?.State.CgroupPath ?? '') === '')
      assert.match(stderr, /^idle, busy: counted by process, for want of a cgroup/u);
    else assert.doesNotMatch(stderr, /want of a cgroup/u);
  });

  it('shows -- for a container that does not run, with -a or when it is named', async () => {
    await box.hutch(['create', '--name', 'still', 'host', 'true']);
    const plain = (await rows()).map(({ Name }) => Name);
    assert.ok(!plain.includes('still'), plain.join(' '));
    const still = (await rows('-a')).find(({ Name }) => Name === 'still');
    assert.deepEqual([still?.Status, still?.CPUPerc, still?.CPU, still?.Memory], ['created', '--', null, null]);
    const named = await box.hutch(['stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}} {{.PIDs}}', 'still']);
    assert.equal(named.stdout, 'still -- / -- --\n');
  });

  it('refuses names and values that mean nothing', async () => {
    assertRefused(await box.hutch(['stats', '--no-stream', 'nobody']), /there is no container "nobody"/u);
    assertRefused(await box.hutch(['stats', '--interval', 'soon']), /invalid value "soon" for --interval/u);
    assertRefused(await box.hutch(['stats', '--no-stream', '--format', '{{.Name']), /template/u);
  });

  it('goes on off a terminal, follows who comes and goes, and ends with 0 by Ctrl-C', async () => {
    const child = box.start(['stats', '--interval', '0.2', '--format', '{{.Name}} {{.CPUPerc}}']);
    const outcome = outcomeOf(child);
    let seen = '';
    child.stdout.on('data', (text: string) => (seen += text));
    assert.ok(await eventually(() => /busy \d/u.test(seen) || undefined), 'a share is known from the second look on');
    assert.match(seen, /^\w+ --\n/u);
    const guest = await startContainer(box, 'guest', ['host', 'sleep', '1003']);
    assert.ok(await eventually(() => seen.includes('guest') || undefined));
    await guest.end();
    const from = seen.length;
    assert.ok(await eventually(() => /busy[^]*busy[^]*busy[^]*busy/u.test(seen.slice(from)) || undefined));
    assert.doesNotMatch(seen.slice(seen.lastIndexOf('big')), /guest/u, 'who has gone is no longer shown');
    child.kill('SIGINT');
    const { code, signal, stdout } = await outcome;
    assert.deepEqual([code, signal], [0, null]);
    assert.ok(!stdout.includes('\x1b'), 'no escape sequences where there is no terminal');
  });

  it('ends when all that were named are removed', async () => {
    const brief = await startContainer(box, 'brief', ['host', 'sleep', '1004']);
    const child = box.start(['stats', '--interval', '0.2', 'brief']);
    const outcome = outcomeOf(child);
    await once(child.stdout, 'data');
    await brief.end();
    assert.equal((await outcome).code, 0);
  });

  it('ends quietly when nobody reads any more', async () => {
    const child = box.start(['stats', '--interval', '0.1', 'idle']);
    child.stdout.destroy();
    const { code, stderr } = await new Promise<Outcome>((resolve) => {
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
      child.once('close', (status, signal) => resolve({ code: status, signal, stdout: '', stderr: text }));
    });
    assert.doesNotMatch(stderr, /^hutch:/mu);
    assert.ok(code !== null);
  });

  it('redraws on a terminal, leaves it as it was, and fits into it', async () => {
    const play = {
      size: [8, 60],
      argv: [HUTCH, 'stats', '--interval', '0.2', 'idle', 'busy'],
      script: [
        ['expect', '\x1b[2J\x1b[H'],
        ['expect', 'busy'],
        ['expect', '\x1b[H'],
        ['expect', 'busy'],
        ['type', '\x03'],
      ],
    };
    const terminal = spawn('python3', [path.join(import.meta.dirname, 'terminal.py')], {
      cwd: box.directory,
      env: { ...box.env, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdout } = await outcomeOf(terminal, JSON.stringify(play));
    const end = JSON.parse(stdout) as { code: number; output: string; missing: string | null; restored: boolean };
    assert.deepEqual([end.code, end.missing, end.restored], [0, null, true]);
    const frames = end.output.split('\x1b[H').slice(1);
    assert.ok(frames.length >= 2);
    for (const line of (frames[0] ?? '').split(/\r?\n/u)) assert.ok(line.replace('\x1b[K', '').length <= 60, line);
  });
});
