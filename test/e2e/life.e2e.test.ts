/** Containers that live on their own: `run -d`, `create`, `start`, `stop`, `kill`, `wait`, `restart`, `rename`, `logs`. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendant, descendants, eventually, remaining } from './processes.ts';
import { assertRefused, containerTraces, hostMounts, hostSkip, makeSandbox, printed } from './sandbox.ts';

const NONE = ['--net', 'none'];
/** Ends with 5 when it is asked to. */
const POLITE = 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done';

describe('a detached container', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const listed = async (...flags: readonly string[]): Promise<string> =>
    printed(await box.hutch(['ps', ...flags, '--format', '{{.Names}} {{.State}}']));
  const detach = async (name: string, script: string, ...flags: readonly string[]): Promise<string> =>
    printed(await box.hutch(['run', '-d', '--name', name, ...NONE, ...flags, 'host', 'sh', '-c', script])).trim();
  const logsOf = async (name: string): Promise<string> => printed(await box.hutch(['logs', name]));
  const logged = async (name: string, text: string): Promise<void> => {
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await box.hutch(['logs', name])).stdout.includes(text)) return;
      await sleep(20);
    }
    assert.fail(`${name} never wrote ${text}`);
  };
  it('gives its id at once, is listed, keeps its log, and is stopped by its stop signal', async () => {
    const id = await detach('polite', POLITE);
    assert.match(id, /^[0-9a-f]{64}$/u);
    assert.equal(await listed(), 'polite running\n');
    await logged('polite', 'ready');
    assert.equal(printed(await box.hutch(['stop', 'polite'])), 'polite\n');
    assert.equal(await listed('-a'), 'polite exited\n');
    assert.equal(await logsOf('polite'), 'ready\nbye\n');
    assert.equal(printed(await box.hutch(['wait', 'polite'])), '5\n');
    assert.equal(printed(await box.hutch(['stop', 'polite'])), 'polite\n', 'what has ended can be stopped again');
    assertRefused(await box.hutch(['kill', 'polite']), /^hutch: container "polite" is not running/u);
    printed(await box.hutch(['rm', 'polite']));
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
  });

  it('runs on without the process group and the pipes of whoever started it', async () => {
    // The command substitution ends only when nobody holds its pipe any more.
    const script = `id=$("$0" run -d --name sub --net none host sleep 1000 57>&1); echo "got \${#id}"`;
    const outcome = await box.hutch([], { wrapper: ['bash', '-c', script] });
    assert.equal(printed(outcome), 'got 64\n');
    const monitor = await descendant(/^hutch monitor sub/u);
    for (const fd of [0, 1, 2]) assert.ok(existsSync(`/proc/${monitor.pid}/fd/${fd}`));
    printed(await box.hutch(['rm', '-f', 'sub']));
    assert.equal(await remaining(), '');
  });

  it('is killed when it does not heed its stop signal in time', async () => {
    await detach('deaf', 'trap "" TERM; echo ready; while :; do sleep 0.05; done', '--stop-timeout', '0');
    await logged('deaf', 'ready');
    printed(await box.hutch(['stop', 'deaf']));
    assert.equal(printed(await box.hutch(['wait', 'deaf'])), '137\n');
    printed(await box.hutch(['rm', 'deaf']));
  });

  it('gets the signal that its image or the user names for stopping', async () => {
    await detach('usr', 'trap "exit 9" USR1; echo ready; while :; do sleep 0.05; done', '--stop-signal', 'USR1');
    await logged('usr', 'ready');
    printed(await box.hutch(['stop', 'usr']));
    assert.equal(printed(await box.hutch(['wait', 'usr'])), '9\n');
    printed(await box.hutch(['rm', 'usr']));
    assertRefused(
      await box.hutch(['run', '--rm', '--stop-signal', 'SIGNOT', 'host', 'true']),
      /^hutch: invalid value "SIGNOT" for --stop-signal/u,
    );
  });

  it('is waited for, and tells its exit code also with --rm', async () => {
    await detach('short', 'sleep 0.5; exit 3', '--rm');
    assert.equal(printed(await box.hutch(['wait', 'short'])), '3\n');
    assert.equal(await listed('-a'), '');
    assert.deepEqual(containerTraces(box), []);
  });

  it('is named by rm -f, though with --rm it goes by itself, at once or when its time is over', async () => {
    for (const flags of [[], ['-t', '0'], ['-t', '1']]) {
      printed(await box.hutch(['run', '-d', '--rm', '--name', 'gone', ...NONE, 'host', 'sleep', '1000']));
      const { code, stdout, stderr } = await box.hutch(['rm', '-f', ...flags, 'gone']);
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'gone\n', stderr: '' });
    }
  });

  it('is not there when its command cannot be executed, and the error says why', async () => {
    const outcome = await box.hutch(['run', '-d', '--name', 'no', ...NONE, 'host', 'no-such-command']);
    assertRefused(outcome, /^hutch: "no-such-command" is not in the container/u, 127);
    assert.equal(await listed('-a'), '');
    assert.deepEqual(containerTraces(box), []);
  });

  it('starts again with what it has written, by start and by restart', async () => {
    await detach('again', 'echo x >>/var/tmp/count; echo "life $(wc -l </var/tmp/count)"; exec sleep 1000');
    await logged('again', 'life 1');
    printed(await box.hutch(['kill', 'again']));
    assert.equal(printed(await box.hutch(['wait', 'again'])), '137\n');
    assert.equal(printed(await box.hutch(['start', 'again'])), 'again\n');
    await logged('again', 'life 2');
    assert.equal(printed(await box.hutch(['start', 'again'])), 'again\n', 'one that runs is left alone');
    printed(await box.hutch(['restart', '-t', '0', 'again']));
    await logged('again', 'life 3');
    assert.equal(await listed(), 'again running\n');
    printed(await box.hutch(['rm', '-f', 'again']));
    assert.deepEqual([await remaining(), containerTraces(box), hostMounts(box)], ['', [], []]);
  });

  it('can be renamed while it runs', async () => {
    await detach('old', 'exec sleep 1000');
    await detach('other', 'exec sleep 1000');
    assertRefused(await box.hutch(['rename', 'old', 'other']), /^hutch: the name "other" is in use/u);
    const monitor = printed(await box.hutch(['inspect', '--format', '{{.State.MonitorPid}}', 'old'])).trim();
    const title = (): string => readFileSync(`/proc/${monitor}/cmdline`, 'latin1').replaceAll('\0', '');
    assert.equal(title(), 'hutch monitor old');
    printed(await box.hutch(['rename', 'old', 'new']));
    assert.equal(title(), 'hutch monitor new');
    assert.deepEqual((await listed()).trim().split('\n').sort(), ['new running', 'other running']);
    assertRefused(await box.hutch(['stop', 'old']), /^hutch: there is no container "old"/u);
    printed(await box.hutch(['rm', '-f', 'new', 'other']));
    const events = printed(await box.hutch(['events', '--until', '0s', '--format', '{{.Name}} {{.Action}}']));
    assert.match(events, /old start\n(?:.*\n)*new rename\n(?:.*\n)*new die\nnew remove\n/u);
    assert.doesNotMatch(events, /old (?:die|remove)/u);
    assert.deepEqual(containerTraces(box), []);
  });

  it('writes its id where --cidfile says, and not over another', async () => {
    const file = path.join(box.directory, 'cid');
    const id = await detach('cid', 'exec sleep 1000', '--cidfile', file);
    assert.equal(readFileSync(file, 'utf8'), id);
    assertRefused(
      await box.hutch(['run', '--rm', '--cidfile', file, 'host', 'true']),
      /^hutch: --cidfile .* is there already/u,
    );
    printed(await box.hutch(['rm', '-f', 'cid']));
    const before = printed(await box.hutch(['ps', '-aq']));
    for (const [nowhere, words] of [
      [path.join(box.directory, 'none/cid'), ['run']],
      ['/proc/cid', ['run', '-d']],
      ['', ['create']],
    ] as const) {
      const refused = await box.hutch([...words, '--net', 'none', '--cidfile', nowhere, 'host', 'true']);
      assertRefused(refused, /^hutch: cannot write --cidfile [^\n]*: E[A-Z]+\n {2}fix: [^\n]+\n$/u);
    }
    assert.equal(printed(await box.hutch(['ps', '-aq'])), before, 'nothing half made is left');
  });

  it('ends when its time is over', async () => {
    await detach('timed', 'exec sleep 1000', '--timeout', '1');
    assert.equal(printed(await box.hutch(['wait', 'timed'])), '137\n');
    printed(await box.hutch(['rm', 'timed']));
  });
});

describe('hutch create and start', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('make a container, then run it with the user at its streams and end with its exit code', async () => {
    const id = printed(await box.hutch(['create', '--name', 'made', ...NONE, 'host', 'sh', '-c', 'echo out; exit 4']));
    assert.match(id, /^[0-9a-f]{64}\n$/u);
    assert.match(printed(await box.hutch(['ps', '-a'])), / Created +made$/mu);
    assert.equal(await remaining(), '', 'nothing runs yet');
    for (let round = 0; round < 3; round += 1) {
      assert.equal(printed(await box.hutch(['start', '-a', 'made']), 4), 'out\n');
    }
    assert.equal(printed(await box.hutch(['logs', 'made'])), 'out\nout\nout\n');
    printed(await box.hutch(['rm', 'made']));
    assert.deepEqual(containerTraces(box), []);
  });

  it('keep stdout and stderr apart and pass stdin on', async () => {
    printed(await box.hutch(['create', '-i', '--name', 'cat', ...NONE, 'host', 'sh', '-c', 'cat; echo err >&2']));
    const outcome = await box.hutch(['start', '-ai', 'cat'], { input: 'one\ntwo\n' });
    assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [0, 'one\ntwo\n', 'err\n']);
    printed(await box.hutch(['rm', 'cat']));
  });

  it('leave a container as it was when it cannot be started', async () => {
    printed(await box.hutch(['create', '--name', 'bad', ...NONE, 'host', 'no-such-command']));
    for (const flags of [[], ['-a']]) {
      assertRefused(
        await box.hutch(['start', ...flags, 'bad']),
        /^hutch: "no-such-command" is not in the container/u,
        127,
      );
    }
    assert.match(printed(await box.hutch(['ps', '-a'])), / Created +bad$/mu);
    printed(await box.hutch(['rm', 'bad']));
    assert.deepEqual(containerTraces(box), []);
  });

  it('start a container once when several ask for it at the same time', async () => {
    printed(await box.hutch(['create', '--name', 'once', ...NONE, 'host', 'sleep', '1000']));
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => box.hutch(['start', 'once'])));
    assert.ok(outcomes.some(({ code }) => code === 0));
    for (const { code, stderr } of outcomes) {
      if (code !== 0) assert.match(stderr, /is running, or being started or removed by somebody else/u);
    }
    assert.equal(descendants().filter(({ command }) => command === 'sleep 1000').length, 1);
    printed(await box.hutch(['rm', '-f', 'once']));
    assert.equal(await remaining(), '');
  });
});

describe('a restart policy', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const state = (id: string): { restartCount: number; status: string; exitCode: number | null } =>
    JSON.parse(readFileSync(path.join(box.data, 'containers', id, 'state.json'), 'utf8')) as ReturnType<typeof state>;

  it('starts a container that fails as often as it says, and no more', async () => {
    const id = printed(
      await box.hutch(['run', '-d', '--restart', 'on-failure:2', ...NONE, 'host', 'sh', '-c', 'echo life; exit 6']),
    ).trim();
    assert.equal(printed(await box.hutch(['wait', id])), '6\n');
    assert.deepEqual([state(id).restartCount, state(id).status], [2, 'exited']);
    assert.equal(printed(await box.hutch(['logs', id])), 'life\nlife\nlife\n');
    printed(await box.hutch(['rm', id]));
  });

  it('on-failure leaves one that succeeds alone, and always does not', async () => {
    const one = printed(await box.hutch(['run', '-d', '--restart', 'on-failure', ...NONE, 'host', 'true'])).trim();
    assert.equal(printed(await box.hutch(['wait', one])), '0\n');
    const two = printed(await box.hutch(['run', '-d', '--restart', 'always', ...NONE, 'host', 'echo', 'life'])).trim();
    assert.ok(await eventually(() => (state(two).restartCount >= 3 ? true : undefined)), 'it was started again');
    printed(await box.hutch(['stop', two]));
    assert.equal(state(two).status, 'exited');
    assert.match(printed(await box.hutch(['logs', two])), /^(?:life\n){3,}$/u);
    assert.equal(await remaining(), '', 'stop ends it for good');
    printed(await box.hutch(['rm', one, two]));
  });

  it('and --rm contradict each other', async () => {
    assertRefused(await box.hutch(['run', '--rm', '--restart', 'always', 'host', 'true']), /--rm and --restart/u);
    assertRefused(
      await box.hutch(['run', '--restart', 'often', 'host', 'true']),
      /invalid value "often" for --restart/u,
    );
  });
});

describe('the log of a container', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const run = (script: string, ...flags: readonly string[]) =>
    box.hutch(['run', '--name', 'log', ...NONE, ...flags, 'host', 'sh', '-c', script]);

  it('has all bytes as they were, each stream for itself, with times if wanted', async () => {
    await run('printf "a\\n\\nb"; printf "\\377\\000\\n"; echo err >&2; sleep 0.2; printf end');
    const { stdout, stderr } = await box.hutch(['logs', 'log']);
    assert.equal(stderr, 'err\n');
    assert.match(stdout, /^a\n\nb/u);
    assert.ok(stdout.endsWith('end'), 'a last line without an end has none here either');
    const timed = await box.hutch(['logs', '-t', 'log']);
    assert.match(timed.stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z a\n/u);
    assert.equal((await box.hutch(['logs', '--tail', '1', 'log'])).stdout, 'end');
    printed(await box.hutch(['rm', 'log']));
  });

  it('is followed to the end of the container', async () => {
    printed(
      await box.hutch([
        'run',
        '-d',
        '--name',
        'log',
        ...NONE,
        'host',
        'sh',
        '-c',
        'for i in 1 2 3; do echo $i; sleep 0.2; done',
      ]),
    );
    assert.equal(printed(await box.hutch(['logs', '-f', 'log'])), '1\n2\n3\n');
    printed(await box.hutch(['rm', 'log']));
  });

  it('is rotated by size, and no more files are kept than wanted', async () => {
    printed(
      await run(
        'seq 1 20000 >&2; sleep 0.1; seq 20001 20003 >&2',
        '--log-opt',
        'max-size=50k',
        '--log-opt',
        'max-file=2',
      ).then((outcome) => ({ ...outcome, stderr: '' })),
    );
    const kept = (await box.hutch(['logs', 'log'])).stderr;
    assert.ok(kept.endsWith('20003\n'));
    assert.ok(!kept.includes('\n5\n'), 'the oldest lines are gone');
    printed(await box.hutch(['rm', 'log']));
  });

  it('is not kept with --log-driver none', async () => {
    printed(await run('echo x', '--log-driver', 'none'));
    assertRefused(await box.hutch(['logs', 'log']), /keeps no log/u);
    printed(await box.hutch(['rm', 'log']));
  });
});
