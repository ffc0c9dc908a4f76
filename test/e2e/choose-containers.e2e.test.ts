/** Which containers a command is about: names that are not there, and podman's --all, --latest, --filter and --ignore. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { assertRefused, hostSkip, makeSandbox, printed, type Outcome } from './sandbox.ts';

describe('commands about several containers', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const hutch = (...words: readonly string[]): Promise<Outcome> => box.hutch(words);
  const states = async (): Promise<string> =>
    printed(await hutch('ps', '-a', '--format', '{{.Names}} {{.State}}')).trim();

  beforeEach(async () => {
    for (const name of ['one', 'two']) {
      printed(await hutch('run', '-d', '--name', name, '--net', 'none', 'host', 'sleep', '1000'));
    }
    printed(await hutch('create', '--name', 'made', '--net', 'none', 'host', 'sleep', '1000'));
  });

  afterEach(async () => void printed(await hutch('rm', '-fa')));

  it('rm -f and rmi -f tell of what is not there, and end well; without -f that is an error', async () => {
    const removed = await hutch('rm', '-f', 'none', 'one', 'made');
    assert.deepEqual([removed.code, removed.stdout], [0, 'one\nmade\n']);
    assert.match(removed.stderr, /^hutch: there is no container "none"/u);
    assert.equal((await hutch('rmi', '-f', 'none')).code, 0);
    assertRefused(await hutch('rmi', 'none'), /^hutch: there is no image "none"/u);
    assertRefused(await hutch('rm', 'none'), /^hutch: there is no container "none"/u);
    assert.equal((await hutch('rm', 'none', 'two')).code, 125, 'what fails for another reason still fails');
    assert.equal(await states(), 'two running');
  });

  it('--ignore is silent about what is not there', async () => {
    for (const command of ['rm', 'stop', 'wait']) {
      const outcome = await hutch(command, '--ignore', 'none');
      assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [0, '', ''], command);
    }
  });

  it('--all is about those that it can be done to', async () => {
    assert.equal(printed(await hutch('kill', '-a')).split('\n').length - 1, 2);
    assert.equal(printed(await hutch('stop', '-a')), '');
    assert.equal(printed(await hutch('start', '--all')).split('\n').length - 1, 3);
    assert.equal(await states(), 'made running\ntwo running\none running');
    assert.equal(printed(await hutch('stop', '-at0')).split('\n').length - 1, 3);
    printed(await hutch('rm', '-a'));
    assert.equal(await states(), '');
  });

  it('--latest is the newest, --filter those that ps would show', async () => {
    printed(await hutch('rm', '-l'));
    printed(await hutch('rm', '--filter', 'name=tw', '-f', '-t', '0'));
    assert.equal(await states(), 'one running');
  });

  it('refuses no choice, and two', async () => {
    assertRefused(await hutch('stop'), /^hutch: hutch stop needs CONTAINER/u);
    assertRefused(await hutch('stop', '-a', 'one'), /^hutch: containers are chosen in two ways/u);
  });
});
