/** The program that mounts the root in user space: one that fails, one that is slow, and what is left of it when its container is given up meanwhile. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendant, remaining } from '../e2e/processes.ts';
import {
  assertRefused,
  containerTraces,
  hostSkip,
  importBusybox,
  makeSandbox,
  outcomeOf,
  printed,
} from '../e2e/sandbox.ts';

const REAL = '/usr/bin/fuse-overlayfs';
const RUN = ['run', '--net', 'none', '--storage-driver', 'fuse-overlayfs'];

function skip(): string | false {
  const missing = [REAL, '/dev/fuse'].find((file) => !existsSync(file));
  return missing === undefined ? hostSkip() : `${missing} is missing`;
}

describe('the program that mounts the root', { skip: skip() }, () => {
  const box = makeSandbox();
  const inPlace = (script: string): { readonly env: NodeJS.ProcessEnv } => {
    mkdirSync(path.join(box.directory, 'bin'), { recursive: true });
    chmodSync(box.file('bin/fuse-overlayfs', `#!/bin/sh\n${script}\n`), 0o755);
    return { env: { PATH: `${path.join(box.directory, 'bin')}:${box.env['PATH'] ?? ''}` } };
  };

  before(async () => {
    await importBusybox(box);
    // The second run has an init that was forked off ahead.
    printed(await box.inBusybox('true', '--storage-driver', 'fuse-overlayfs'));
  });

  for (const flags of [['--rm'], ['--rm', '-d']])
    it(`fails with its own words, but for those of its library: ${flags.join(' ')}`, async () => {
      const failing = inPlace('echo "unknown argument ignored: x" >&2; echo "no such luck" >&2; exit 3');
      assertRefused(
        await box.hutch([...RUN, ...flags, 'box:test', 'true'], failing),
        /^hutch: \S+\/fuse-overlayfs could not mount the root: no such luck\n {2}fix: [^\n]*--storage-driver\n$/u,
      );
      assertRefused(
        await box.hutch([...RUN, ...flags, 'box:test', 'true'], inPlace('exit 3')),
        /it ended with code 3/u,
      );
      assert.equal(await remaining(), '');
      assert.deepEqual(containerTraces(box), []);
    });

  it('fails so in a start, too, which forks no init off ahead', async () => {
    printed(await box.hutch(['create', ...RUN.slice(1), '--name', 'later', 'box:test', 'true'], inPlace('exit 3')));
    assertRefused(
      await box.hutch(['start', 'later']),
      /fuse-overlayfs could not mount the root: it ended with code 3/u,
    );
    printed(await box.hutch(['rm', 'later']));
  });

  it('is refused where it could outlive its container', async () => {
    const refusal =
      /needs a pid namespace of the container's own, and --pid host has none\n {2}fix: .*--storage-driver/u;
    assertRefused(await box.hutch([...RUN, '--pid', 'host', 'box:test', 'true']), refusal);
    assert.equal(printed(await box.hutch(['ps', '-aq'])), '');
  });

  it('is waited for when it takes longer than the first moment', async () => {
    const slow = inPlace(`sleep 1.5; exec ${REAL} "$@"`);
    assert.equal(printed(await box.hutch([...RUN, '--rm', 'box:test', 'echo', 'ran'], slow)), 'ran\n');
  });

  it('ends with its container when that is given up meanwhile, without a word', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = box.start([...RUN, '--rm', 'box:test', 'true'], inPlace('echo half >&2; sleep 1007'));
      const outcome = outcomeOf(child);
      await descendant(/^sleep 1007/u);
      // It is started before the monitor takes signals.
      await sleep(500);
      child.kill(signal);
      const { code, signal: by, stderr } = await outcome;
      assert.ok(by === signal || code === (signal === 'SIGINT' ? 130 : 143), `${String(code)} ${String(by)}`);
      assert.equal(stderr, '');
      assert.equal(await remaining(), '');
      assert.deepEqual(containerTraces(box), []);
    }
  });

  it('ends with its container when a signal comes before the monitor takes any', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const child = box.start([...RUN, '--rm', 'box:test', 'true'], inPlace('echo half >&2; sleep 1008'));
      const outcome = outcomeOf(child);
      await descendant(/^sleep 1008/u);
      child.kill('SIGTERM');
      const { code, signal } = await outcome;
      assert.ok(signal === 'SIGTERM' || code === 143, `${String(code)} ${String(signal)}`);
      assert.equal(await remaining(), '');
    }
    // What such an end leaves in the store goes with the next command.
    printed(await box.inBusybox('true'));
    assert.deepEqual(containerTraces(box), []);
  });

  it('makes a root that is entered as any other: exec, its users by name, cp, top', async () => {
    printed(await box.hutch([...RUN, '-d', '--name', 'shut', 'box:test', 'sh', '-c', 'sleep 1009; true']));
    const exec = (...words: readonly string[]) => box.hutch(['exec', ...words]);
    const account = 'mkdir -p /etc && echo late:x:7:8::/:/bin/sh >>/etc/passwd';
    assert.equal(printed(await exec('shut', 'sh', '-c', `${account}; echo in`)), 'in\n');
    assert.equal(printed(await exec('-u', 'late', 'shut', 'sh', '-c', 'id -u; id -g')), '7\n8\n');
    assertRefused(await exec('-u', 'nobody-here', 'shut', 'true'), /has no user "nobody-here"/u);
    printed(await box.hutch(['cp', box.file('put', 'text'), 'shut:/put']));
    assert.equal(printed(await exec('shut', 'cat', '/put')), 'text');
    assert.match(printed(await box.hutch(['top', 'shut'])), /sleep 1009/u);
    printed(await box.hutch(['rm', '-f', 'shut']));
    // The same of the host's own root, with the host's users.
    printed(await box.hutch([...RUN, '-d', '--name', 'shut', 'host', 'sleep', '1009']));
    assert.equal(printed(await exec('-u', 'daemon', 'shut', 'id', '-u')), '1\n');
    printed(await box.hutch(['rm', '-f', 'shut']));
  });

  it('serves each life of a container that is started again', async () => {
    const words = ['--name', 'again', '--restart', 'on-failure:2', 'box:test', 'sh', '-c', 'echo life; exit 4'];
    const { code } = await box.hutch([...RUN, ...words]);
    assert.equal(code, 4);
    assert.equal(printed(await box.hutch(['logs', 'again'])), 'life\n'.repeat(3));
    printed(await box.hutch(['rm', 'again']));
    assert.equal(await remaining(), '');
  });
});
