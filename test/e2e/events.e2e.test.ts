/** `hutch events`: as it happens and afterwards. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from './processes.ts';
import { assertRefused, hostSkip, makeSandbox, outcomeOf, printed } from './sandbox.ts';

describe('events', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('come as they happen, only new ones without --since, until the watcher is stopped', async () => {
    printed(await box.hutch(['run', '--name', 'old', '--net', 'none', 'host', 'true']));
    const child = box.start(['events', '--format', '{{.Name}} {{.Action}}']);
    let seen = '';
    child.stdout.on('data', (bytes: Buffer) => (seen += bytes.toString()));
    // It says nothing when it has begun to look: each try makes something to see.
    for (let tries = 0; seen === '' && tries < 50; tries += 1)
      printed(await box.hutch(['run', '--rm', 'host', 'true']));
    const run = ['run', '-d', '--name', 'new', '-l', 'a=b', '--net', 'none', 'host', 'sleep', '1000'];
    printed(await box.hutch(run));
    printed(await box.hutch(['stop', '-t', '0', 'new']));
    printed(await box.hutch(['rm', 'new']));
    assert.ok(await eventually(() => (seen.includes('new remove') ? true : undefined)), seen);
    assert.doesNotMatch(seen, /^old/mu);
    const actions = [...seen.matchAll(/^new (\w+)$/gmu)].map(([, action]) => action);
    assert.deepEqual(actions, ['create', 'start', 'stop', 'kill', 'die', 'remove']);
    const ended = outcomeOf(child);
    child.kill('SIGINT');
    await ended;
  });

  it('say of rm -f that it has ended a container, whether that would be started again or not', async () => {
    for (const [name, ...flags] of [['brief'], ['again', '--restart', 'always']] as const) {
      printed(await box.hutch(['run', '-d', '--name', name, '--net', 'none', ...flags, 'host', 'sleep', '1000']));
      printed(await box.hutch(['rm', '-f', name]));
      const seen = await box.hutch(['events', '--stream=false', '-f', `container=${name}`]);
      const lines = printed(seen)
        .split('\n')
        .filter((line) => / (?:stop|die|remove|start) /u.test(line));
      const [, stop = '', die = ''] = lines;
      assert.deepEqual(
        lines.map((line) => line.split(' ')[2]),
        ['start', 'stop', 'die', 'remove'],
      );
      assert.ok(stop.includes(`(signal=9, by=hutch rm -f ${name}, `), stop);
      assert.match(die, /exitCode=137/u);
    }
  });

  it('are on record, with who asked for an end, and can be picked', async () => {
    const get = async (...flags: readonly string[]): Promise<string> =>
      printed(await box.hutch(['events', '--stream=false', ...flags]));
    const stop = await get('-f', 'container=new', '-f', 'event=stop');
    assert.match(
      stop,
      /^\S+Z container stop [0-9a-f]{64} \(a=b, signal=15, by=hutch stop -t 0 new, image=host, name=new\)$/mu,
    );
    assert.equal(await get('-f', 'label=a=c'), '');
    assert.match(
      await get('-f', 'event=die', '-f', 'label=a', '--format', '{{.Actor.Attributes.exitCode}}'),
      /^137$/mu,
    );
    const lines = (await get('--format', 'json', '-f', 'container=new')).trim().split('\n');
    assert.deepEqual(Object.keys(JSON.parse(lines[0] ?? '') as object).slice(0, 3), ['Type', 'Action', 'Actor']);
    const { status, id, from, time, Actor } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    assert.deepEqual([status, from, typeof time, (Actor as { ID: string }).ID], ['create', 'host', 'number', id]);
    assert.match(await get('--since', '1h'), /name=old/u);
    assert.equal(await get('--until', '1h'), '');
  });

  it('tell of commands in a container and how they end, and of images made of it', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'busy', '--net', 'none', 'host', 'sleep', '1000']));
    printed(await box.hutch(['exec', 'busy', 'sh', '-c', 'exit 3']), 3);
    printed(await box.hutch(['exec', '-d', 'busy', 'true']));
    await box.hutch(['exec', 'busy', '/etc/passwd']);
    await box.hutch(['exec', '-d', 'busy', 'nothing']);
    const told = printed(
      await box.hutch([
        'events',
        '--until',
        '0s',
        '-f',
        'container=busy',
        '--format',
        '{{.Action}} {{.Actor.Attributes.command}} {{.Actor.Attributes.exitCode}}',
      ]),
    );
    assert.match(told, /^exec sh -c exit 3 .*\nexec_died sh -c exit 3 3\nexec true /mu);
    assert.doesNotMatch(told, /^exec_died true/mu, 'nobody waits for it');
    assert.match(
      told,
      /^exec \/etc\/passwd .*\nexec_died \/etc\/passwd 126\nexec nothing .*\nexec_died nothing 127$/mu,
    );
    printed(await box.hutch(['rm', '-f', '-t', '0', 'busy']));
  });

  it('end by themselves with --until', async () => {
    assert.match(printed(await box.hutch(['events', '--until', '0s'])), /name=old/u);
    assert.equal(printed(await box.hutch(['events', '--since', '0s', '--until', '-1s'])), '');
  });

  it('refuse what cannot be meant, at once', async () => {
    assertRefused(await box.hutch(['events', '-f', 'colour=red']), /invalid value "colour=red" for --filter/u);
    assertRefused(await box.hutch(['events', '--until', 'never']), /invalid value "never" for --until/u);
    assertRefused(await box.hutch(['events', '--format', '{{.Name']), /template/u);
  });
});
