/** `hutch logs`: followed over whatever happens to a container, cut by time, read by those who stop reading. */

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, remaining } from './processes.ts';
import { assertRefused, hostSkip, makeSandbox, outcomeOf, printed, type Child } from './sandbox.ts';

describe('logs', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const detach = async (name: string, script: string, ...flags: readonly string[]): Promise<void> => {
    printed(await box.hutch(['run', '-d', '--name', name, '--net', 'none', ...flags, 'host', 'sh', '-c', script]));
  };
  const remove = async (name: string): Promise<void> => void printed(await box.hutch(['rm', '-f', name]));
  /** A follower, and what it has shown so far. */
  const follow = (...flags: readonly string[]): { child: Child; seen: () => string } => {
    const child = box.start(['logs', '-f', ...flags]);
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    return { child, seen: () => text };
  };

  it('-f goes on over many rotations, without a line lost or doubled', async () => {
    const gate = path.join(box.directory, 'gate');
    mkdirSync(gate);
    // Each hundred is waited for, so that whoever follows is never so far behind that all files have changed.
    const script = `until [ -e /gate/go ]; do sleep 0.05; done
      i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i"; [ $((i % 100)) = 0 ] && sleep 0.03; done`;
    for (const files of ['1', '4']) {
      rmSync(path.join(gate, 'go'), { force: true });
      const options = ['--log-opt', 'max-size=8k', '--log-opt', `max-file=${files}`];
      await detach('turns', script, '-v', `${gate}:/gate`, ...options);
      const { child } = follow('turns');
      const outcome = outcomeOf(child);
      await sleep(300);
      writeFileSync(path.join(gate, 'go'), '');
      const { stdout } = await outcome;
      const expected = Array.from({ length: 3000 }, (_, index) => `line ${index + 1}\n`).join('');
      if (files === '4') assert.equal(stdout, expected);
      else assert.ok(stdout.endsWith('line 3000\n'), 'one file alone may turn faster than anybody reads');
      await remove('turns');
    }
  });

  it('-f goes on when the container is restarted, by hand or by its policy, and ends with it', async () => {
    await detach('again', 'echo life; sleep 1000');
    const { child, seen } = follow('again');
    const outcome = outcomeOf(child);
    assert.ok(await eventually(() => (seen() === 'life\n' ? true : undefined)));
    printed(await box.hutch(['restart', '-t', '0', 'again']));
    assert.ok(await eventually(() => (seen() === 'life\nlife\n' ? true : undefined)), seen());
    printed(await box.hutch(['stop', '-t', '0', 'again']));
    assert.equal(printed(await outcome), 'life\nlife\n');
    await remove('again');
    await detach('policy', 'echo life; exit 1', '--restart', 'on-failure:2');
    assert.equal(printed(await box.hutch(['logs', '-f', 'policy'])), 'life\nlife\nlife\n');
    await remove('policy');
  });

  it('--details puts what --log-opt names before each line of both streams, behind the time', async () => {
    const options = ['--log-opt', 'labels=role,none', '--log-opt', 'env-regex=^CIT'];
    const script = 'echo one; printf two; echo; echo err >&2';
    const words = ['run', '--net', 'none', '--name', 'named', '-l', 'role=web', '-e', 'CITY=New York', ...options];
    printed({ ...(await box.hutch([...words, 'host', 'sh', '-c', script])), stderr: '' });
    const before = 'CITY=New+York,role=web ';
    const { stdout, stderr } = await box.hutch(['logs', '--details', 'named']);
    assert.deepEqual([stdout, stderr], [`${before}one\n${before}two\n`, `${before}err\n`]);
    assert.match(
      (await box.hutch(['logs', '-t', '--details', 'named'])).stderr,
      /^\S+Z CITY=New\+York,role=web err\n$/u,
    );
    assert.equal((await box.hutch(['logs', 'named'])).stdout, 'one\ntwo\n');
    assert.match(printed(await box.hutch(['inspect', 'named'])), /"labels": "role,none"/u);
    await remove('named');
    assertRefused(await box.hutch(['run', '--log-opt', 'tag=x', 'host', 'true']), /invalid value "tag" for --log-opt/u);
  });

  it('-f ends when the container is removed', async () => {
    await detach('goes', 'echo here; sleep 1000');
    const { child, seen } = follow('goes');
    const outcome = outcomeOf(child);
    assert.ok(await eventually(() => (seen() === 'here\n' ? true : undefined)));
    await remove('goes');
    assert.equal(printed(await outcome), 'here\n');
    assert.equal(await remaining(), '');
  });

  it('--since and --until cut by time, and --until ends -f', async () => {
    await detach('timed', 'echo early; sleep 1.2; echo late; sleep 1000');
    const { child, seen } = follow('-t', 'timed');
    const outcome = outcomeOf(child);
    assert.ok(await eventually(() => (seen().includes('late') ? true : undefined)));
    const [first = '', second = ''] = seen().split('\n');
    const late = second.split(' ')[0] ?? '';
    const get = async (...flags: readonly string[]) => printed(await box.hutch(['logs', ...flags, 'timed']));
    assert.match(first, /^\S+Z early$/u);
    assert.equal(await get('--since', late), 'late\n');
    assert.equal(await get('--since', String(Date.parse(late) / 1000)), 'late\n');
    assert.equal(await get('--since', '1h'), 'early\nlate\n');
    assert.equal(await get('--until', first.split(' ')[0] ?? ''), 'early\n');
    assert.equal(await get('--since', '-1h'), '');
    assert.equal(await get('-f', '--until', first.split(' ')[0] ?? ''), 'early\n');
    assert.equal(await get('-f', '--tail', '1', '--until', '-1s'), 'late\n', 'it ends though the container does not');
    assertRefused(await box.hutch(['logs', '--since', 'soon', 'timed']), /invalid value "soon" for --since/u);
    await remove('timed');
    await outcome;
  });

  it('end quietly when nobody reads on', async () => {
    await detach('long', 'seq 1 200000');
    printed(await box.hutch(['wait', 'long']));
    const script = `"$0" logs long | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await box.hutch([], { wrapper: ['bash', '-c', script] });
    assert.equal(stderr, '');
    assert.match(stdout, /^1\n(?:0|141)\n$/u);
    const whole = printed(await box.hutch(['logs', 'long']));
    assert.equal(whole, Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join(''));
    assert.equal(printed(await box.hutch(['logs', '-n', '2', 'long'])), '199999\n200000\n');
    await remove('long');
  });

  it('keep the order of both streams where these lead to one place', async () => {
    await detach('both', 'for i in 1 2 3; do echo "out $i"; sleep 0.1; echo "err $i" >&2; sleep 0.1; done');
    printed(await box.hutch(['wait', 'both']));
    const merged = await box.hutch([], { wrapper: ['sh', '-c', '"$0" logs both 2>&1'] });
    assert.equal(printed(merged), [1, 2, 3].map((each) => `out ${each}\nerr ${each}\n`).join(''));
    const apart = await box.hutch(['logs', 'both']);
    assert.deepEqual([apart.stdout, apart.stderr], ['out 1\nout 2\nout 3\n', 'err 1\nerr 2\nerr 3\n']);
    await remove('both');
  });
});
