/** `hutch run`: what becomes of the exit code of the command, and of a command that cannot be run. */

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { busyboxSkip } from './busybox-archive.ts';
import { descendant } from './processes.ts';
import {
  assertRefused,
  BUSYBOX,
  containerTraces,
  hostSkip,
  importBusybox,
  makeSandbox,
  outcomeOf,
  printed,
} from './sandbox.ts';

const skip = hostSkip();

describe('hutch run ends with', { skip }, () => {
  const box = makeSandbox();

  it('the exit code of the command', async () => {
    for (const code of [0, 1, 7, 124, 125, 255]) printed(await box.inHost(`exit ${code}`), code);
  });

  it('128+n when signal n ends the command, sent from within or from the host', async () => {
    // PID 1 is deaf to its own signals, so the shell inside --init is not it.
    printed(await box.inHost('kill -9 $$', '--init'), 137);
    printed(await box.inHost('kill -TERM $$', '--init'), 143);
    const child = box.start(['run', '--rm', '--net', 'none', 'host', 'sleep', '1000']);
    const { pid } = await descendant(/^sleep 1000/u);
    process.kill(pid, 'SIGKILL');
    printed(await outcomeOf(child), 137);
  });

  it('0 when the command ends although it has left a killed child behind', async () => {
    printed(await box.inHost('{ sleep 100 & kill -9 $!; wait $!; } 2>/dev/null; test $? = 137'), 0);
  });

  it('127 when the command is not in the container', async () => {
    const argv = ['run', '--rm', '--net', 'none', 'host'];
    assertRefused(
      await box.hutch([...argv, 'no-such-command']),
      /^hutch: "no-such-command" is not in the container\n/u,
      127,
    );
    assertRefused(await box.hutch([...argv, '/no/such']), /^hutch: "\/no\/such" is not in the container\n/u, 127);
  });

  it('126 when the command cannot be executed', async () => {
    const argv = ['run', '--rm', '--net', 'none', 'host'];
    assertRefused(
      await box.hutch([...argv, '/etc/passwd']),
      /^hutch: "\/etc\/passwd" cannot be executed in the container: EACCES .*\n.*noexec/u,
      126,
    );
    assertRefused(
      await box.hutch([...argv, '/etc']),
      /^hutch: "\/etc" cannot be executed in the container: EACCES /u,
      126,
    );
  });

  it('125 when hutch itself cannot do it', async () => {
    assertRefused(await box.hutch(['run', '--no-such-flag', 'host']), /^hutch: unknown flag --no-such-flag/u);
  });

  it('nothing left of any of these containers', () => {
    assert.deepEqual(containerTraces(box), []);
  });
});

describe('hutch run of an image', { skip: skip === false ? busyboxSkip() : skip }, () => {
  const box = makeSandbox();
  before(() => importBusybox(box));

  it('ends with 126 for a file that no kernel knows how to run, and for one without the bit', async () => {
    const argv = ['run', '--rm', '--net', 'none', BUSYBOX];
    assertRefused(
      await box.hutch([...argv, '/bad-format']),
      /cannot be executed in the container: ENOEXEC .*\n.*another processor/u,
      126,
    );
    assertRefused(
      await box.hutch([...argv, '/not-executable']),
      /cannot be executed in the container: EACCES .*\n.*chmod \+x/u,
      126,
    );
  });

  it('refuses to run without a command when the image names none', async () => {
    assertRefused(
      await box.hutch(['run', '--rm', BUSYBOX]),
      /^hutch: no command to run: the image box:test names none\n/u,
    );
    assert.deepEqual(containerTraces(box), []);
  });
});
