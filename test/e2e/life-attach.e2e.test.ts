/** Parting from a container that goes on, and joining it again: detach keys, `hutch attach`, and users that vanish. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendant, descendants, eventually, remaining } from './processes.ts';
import {
  assertRefused,
  containerTraces,
  hostSkip,
  HUTCH,
  makeSandbox,
  outcomeOf,
  printed,
  type Child,
} from './sandbox.ts';

type Step = readonly ['expect' | 'type', string] | readonly ['signal', number];

interface Played {
  readonly code: number;
  readonly output: string;
  readonly missing: string | null;
  readonly restored: boolean;
}

const PLAYER = path.join(import.meta.dirname, 'terminal.py');
const NONE = ['--net', 'none'];
const KEYS = '\u0010\u0011';
const HANGUP = 1;

function terminalSkip(): string | false {
  const { status } = spawnSync('python3', ['-c', 'import os; os.waitstatus_to_exitcode']);
  return hostSkip() !== false ? hostSkip() : status === 0 ? false : 'python3 is not installed';
}

function firstLine(child: Child): Promise<string> {
  return new Promise((resolve) => child.stdout.once('data', (bytes: Buffer) => resolve(String(bytes))));
}

describe('the detach keys', { skip: terminalSkip() }, () => {
  const box = makeSandbox();

  async function play(argv: readonly string[], script: readonly Step[], code = 0): Promise<string> {
    const child = spawn('python3', [PLAYER], {
      cwd: box.directory,
      env: { ...box.env, TERM: 'xterm', NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdout } = await outcomeOf(child, JSON.stringify({ size: [24, 80], argv: [HUTCH, ...argv], script }));
    const played = JSON.parse(stdout) as Played;
    assert.deepEqual({ ...played, output: '' }, { code, output: '', missing: null, restored: true }, played.output);
    return played.output;
  }

  const shell = ['-it', '-e', 'PS1=type> ', '--name', 'shell', ...NONE, 'host', 'sh'];

  it('leave the container of a foreground run alive, which attach joins until it ends', async () => {
    await play(
      ['run', ...shell],
      [
        ['expect', 'type> '],
        ['type', `word=kept\n`],
        ['expect', 'type> '],
        ['type', KEYS],
      ],
    );
    assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}} {{.State}}'])), 'shell running\n');
    const monitor = await descendant(/^hutch monitor shell/u);
    const open = readdirSync(`/proc/${monitor.pid}/fd`).filter((fd) => Number(fd) < 3);
    assert.deepEqual(open.sort(), ['0', '1', '2']);
    const tries: readonly Step[] = [
      ['type', 'echo "it was $word"\n'],
      ['expect', 'it was kept'],
      ['type', KEYS],
    ];
    await play(['attach', 'shell'], tries);
    await play(
      ['attach', 'shell'],
      [
        ['type', 'echo "$word" again; exit 6\n'],
        ['expect', 'kept again'],
      ],
      6,
    );
    assert.equal(printed(await box.hutch(['wait', 'shell'])), '6\n');
    assert.match(printed(await box.hutch(['logs', 'shell'])), /it was kept[^]*kept again/u);
    printed(await box.hutch(['rm', 'shell']));
    assert.equal(await remaining(), '');
  });

  it('are others when the user wants that, and none at all with an empty list', async () => {
    await play(
      ['run', '--rm', '--detach-keys', 'a,ctrl-b', ...shell],
      [
        ['expect', 'type> '],
        ['type', `echo a${KEYS.slice(1)}\b\n`],
        ['expect', 'type> '],
        ['type', 'a\u0002'],
      ],
    );
    printed(await box.hutch(['rm', '-f', 'shell']));
    assertRefused(await box.hutch(['run', '--rm', '--detach-keys', 'ctrl-ä', 'host', 'true']), /for --detach-keys/u);
    await play(
      ['run', '--rm', '--detach-keys', '', ...shell],
      [
        ['expect', 'type> '],
        ['type', `${KEYS}\u0015exit 3\n`],
      ],
      3,
    );
    assert.deepEqual(containerTraces(box), []);
  });

  it('are not needed without stdin, or without signals passed on: Ctrl-C ends attach, and not the container', async () => {
    const ticks = ['sh', '-c', 'while :; do echo tick; sleep 0.05; done'];
    printed(await box.hutch(['run', '-dit', '--name', 'ticks', ...NONE, 'host', ...ticks]));
    const interrupted: readonly Step[] = [
      ['expect', 'tick'],
      ['type', '\u0003'],
    ];
    await play(['attach', '--no-stdin', 'ticks'], interrupted, 130);
    await play(['attach', '--no-stdin', '--sig-proxy=false', 'ticks'], interrupted, 130);
    assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}} {{.State}}'])), 'ticks running\n');
    printed(await box.hutch(['rm', '-f', 'ticks']));
  });

  it('are not needed by start -ai, which ends with the exit code', async () => {
    printed(await box.hutch(['create', ...shell]));
    await play(
      ['start', '-ai', 'shell'],
      [
        ['expect', 'type> '],
        ['type', 'exit 4\n'],
      ],
      4,
    );
    await play(
      ['start', '-ai', 'shell'],
      [
        ['expect', 'type> '],
        ['type', KEYS],
      ],
    );
    printed(await box.hutch(['rm', '-f', 'shell']));
    assert.equal(await remaining(), '');
  });

  it('do not matter when the terminal goes: the hangup reaches the command', async () => {
    const script = 'trap "exit 8" HUP; echo ready; while :; do sleep 0.05; done';
    await play(
      ['run', '-it', '--name', 'hup', ...NONE, 'host', 'sh', '-c', script],
      [
        ['expect', 'ready'],
        ['signal', HANGUP],
      ],
      8,
    );
    printed(await box.hutch(['rm', 'hup']));
  });
});

describe('hutch attach without a terminal', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const detach = async (name: string, script: string, ...flags: readonly string[]): Promise<void> => {
    printed(await box.hutch(['run', '-d', '--name', name, ...flags, ...NONE, 'host', 'sh', '-c', script]));
  };

  /** Waits until so many have attached themselves since the start. */
  const attached = async (count: number): Promise<void> => {
    const events = (): string => readFileSync(path.join(box.data, 'events.log'), 'utf8');
    const seen = await eventually(() => (events().split('"action":"attach"').length > count ? true : undefined));
    assert.ok(seen, `fewer than ${count} have attached themselves`);
  };

  it('shows what comes from then on, to several at once, and passes stdin and signals on', async () => {
    await detach('cat', 'trap "exit 7" INT; while read -r line; do echo "got $line"; done', '-i');
    const watcher = box.start(['attach', '--no-stdin', 'cat']);
    const watched = outcomeOf(watcher);
    const writer = box.start(['attach', 'cat']);
    const seen = firstLine(writer);
    await attached(2);
    writer.stdin.write('word\n');
    assert.equal(await seen, 'got word\n');
    writer.kill('SIGINT');
    writer.stdin.write('another\n');
    const wrote = await outcomeOf(writer);
    assert.equal(wrote.code, 7);
    const outcome = await watched;
    assert.equal(outcome.code, 7);
    assert.match(outcome.stdout, /^got word\n/u);
    printed(await box.hutch(['rm', 'cat']));
  });

  it('is answered by a run that has only just begun', async () => {
    const child = box.start([
      'run',
      '--rm',
      '--name',
      'early',
      ...NONE,
      'host',
      'sh',
      '-c',
      'echo ready; exec sleep 1022',
    ]);
    const outcome = outcomeOf(child);
    await firstLine(child);
    const watched = box.hutch(['attach', '--no-stdin', 'early']);
    await attached(3);
    assert.equal(printed(await box.hutch(['stop', '-t', '0', 'early'])), 'early\n');
    assert.equal((await watched).code, 137);
    assert.equal(printed(await outcome, 137), 'ready\n');
  });

  it('ends at Ctrl-C with --sig-proxy=false, and the container does not', async () => {
    await detach('on', 'echo ready; exec sleep 1000');
    const child = box.start(['attach', '--no-stdin', '--sig-proxy=false', 'on']);
    const outcome = outcomeOf(child);
    await attached(3);
    child.kill('SIGINT');
    const { signal, code } = await outcome;
    assert.ok(signal === 'SIGINT' || code === 130, `${String(signal)} ${String(code)}`);
    assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}}'])), 'on\n');
    printed(await box.hutch(['rm', '-f', 'on']));
  });

  it('lets go of the container when nobody reads its output any more', async () => {
    await detach('ticks', 'while :; do echo tick; sleep 0.02; done');
    const script = '"$0" attach --no-stdin ticks | head -n 1; echo "${PIPESTATUS[0]}"';
    assert.equal(printed(await box.hutch([], { wrapper: ['bash', '-c', script] })), 'tick\n0\n');
    assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}}'])), 'ticks\n');
    printed(await box.hutch(['rm', '-f', 'ticks']));
  });

  it('is refused when the container does not run', async () => {
    printed(await box.hutch(['run', '--name', 'off', ...NONE, 'host', 'true']));
    assertRefused(await box.hutch(['attach', 'off']), /^hutch: container "off" is not running/u);
    printed(await box.hutch(['rm', 'off']));
  });
});

describe('a container whose user or monitor is killed', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const start = async (name: string, ...flags: readonly string[]): Promise<Child> => {
    const script = 'echo ready; while :; do echo tick; sleep 0.1; done';
    const child = box.start(['run', '--name', name, ...flags, ...NONE, 'host', 'sh', '-c', script]);
    child.on('error', () => undefined);
    await firstLine(child);
    return child;
  };
  const stateOf = async (name: string): Promise<string> =>
    printed(await box.hutch(['ps', '-a', '--format', '{{.Names}} {{.State}}']))
      .split('\n')
      .find((line) => line.startsWith(`${name} `)) ?? 'gone';

  it('lives on without its user, keeps a log from then on, and --rm holds', async () => {
    const child = await start('orphan', '--rm');
    child.kill('SIGKILL');
    await outcomeOf(child);
    await descendant(/^hutch monitor orphan/u);
    assert.equal(await stateOf('orphan'), 'orphan running');
    await sleep(300);
    assert.match(printed(await box.hutch(['logs', 'orphan'])), /^(?:tick\n)+$/u);
    printed(await box.hutch(['stop', '-t', '0', 'orphan']));
    assert.deepEqual([await stateOf('orphan'), await remaining(), containerTraces(box)], ['gone', '', []]);
  });

  it('has ended with its monitor, says so, and can be started and removed', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'lost', ...NONE, 'host', 'sleep', '1000']));
    process.kill((await descendant(/^hutch monitor lost/u)).pid, 'SIGKILL');
    assert.equal(await remaining(), '');
    assert.match(printed(await box.hutch(['ps', '-a'])), /Exited \(137\).*\(its monitor was killed\) +lost$/mu);
    assert.equal(printed(await box.hutch(['wait', 'lost'])), '137\n');
    printed(await box.hutch(['start', 'lost']));
    assert.equal(await stateOf('lost'), 'lost running');
    process.kill((await descendant(/^hutch monitor lost/u)).pid, 'SIGKILL');
    assert.equal(await remaining(), '');
    printed(await box.hutch(['rm', 'lost']));
    assert.deepEqual(containerTraces(box), []);
  });

  it('has ended with its init, and its monitor records that', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'init', ...NONE, 'host', 'sleep', '1001']));
    process.kill((await descendant(/^sleep 1001/u)).pid, 'SIGKILL');
    assert.equal(printed(await box.hutch(['wait', 'init'])), '137\n');
    assert.equal(await remaining(), '');
    printed(await box.hutch(['rm', 'init']));
  });

  it('is removed by rm -f even when its monitor is stopped', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'still', ...NONE, 'host', 'sleep', '1000']));
    const monitor = await descendant(/^hutch monitor still/u);
    process.kill(monitor.pid, 'SIGSTOP');
    printed(await box.hutch(['rm', '-f', 'still']));
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
  });
});

describe('twenty at once', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('who want one name: exactly one gets it, the others are told, nothing is left of them', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => box.hutch(['run', '-d', '--name', 'one', ...NONE, 'host', 'sleep', '1000'])),
    );
    const refused = outcomes.filter(({ code }) => code !== 0);
    assert.equal(refused.length, 19);
    for (const outcome of refused) assertRefused(outcome, /^hutch: the name "one" is in use by container/u);
    assert.equal(descendants().filter(({ command }) => command === 'sleep 1000').length, 1);
    const removed = await Promise.all(Array.from({ length: 5 }, () => box.hutch(['rm', '-f', 'one'])));
    assert.ok(removed.some(({ code }) => code === 0));
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
    const sockets = path.join(box.run, 'monitors');
    assert.ok(existsSync(sockets));
    assert.ok(await eventually(() => (readdirSync(sockets).length === 0 ? true : undefined)));
  });
});
