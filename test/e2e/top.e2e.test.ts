/** `hutch top`: the processes of a container, by the host's ps. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { descendant } from './processes.ts';
import { startContainer, type Running } from './running.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('hutch top', { skip: hostSkip() }, () => {
  let container: Running;
  after(() => container.end());
  const box = makeSandbox();
  before(async () => {
    container = await startContainer(box, 'busy', ['host', 'sh', '-c', 'sleep 1001 & exec sleep 1002']);
  });

  it('shows the container’s processes and no other, with their host pids', async () => {
    const [header = '', ...rows] = printed(await box.hutch(['top', 'busy']))
      .trimEnd()
      .split('\n');
    assert.match(header, /^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/u);
    assert.deepEqual(rows.map((row) => row.replace(/^.* {3}/u, '')).sort(), ['sleep 1001', 'sleep 1002']);
    assert.ok(rows.some((row) => row.split(/\s+/u)[1] === String(container.pid)));
  });

  it('passes options on to ps, and needs a column of pids', async () => {
    const output = printed(await box.hutch(['container', 'top', 'busy', '-eo', 'pid,args']));
    assert.match(output, /^PID +COMMAND\n\d+ +sleep 100[12]\n\d+ +sleep 100[12]\n$/u);
    assertRefused(await box.hutch(['top', 'busy', '-eo', 'args']), /no column PID/u);
    assertRefused(await box.hutch(['top', 'busy', '--no-such-option']), /^hutch: ps --no-such-option: /u);
  });

  it('shows what exec has brought in', async () => {
    printed(await container.exec(['-d'], 'sleep', '1003'));
    assert.match(printed(await box.hutch(['top', 'busy', '-eo', 'pid,args'])), /sleep 1003\n/u);
  });

  it('shows only the container’s own where it sees all of the host’s', async () => {
    const open = await startContainer(box, 'open', ['--pid', 'host', 'host', 'sleep', '1004']);
    const output = printed(await box.hutch(['top', 'open', '-eo', 'pid,args']));
    await open.end();
    assert.match(output, /^PID +COMMAND\n\d+ +sleep 1004\n$/u);
  });

  it('shows what lives in a pid namespace within the container', async () => {
    const words = ['--cap-add', 'SYS_ADMIN', 'host', 'unshare', '--pid', '--fork', 'sleep', '1005'];
    const nest = await startContainer(box, 'nest', words);
    await descendant(/^sleep 1005/u);
    const output = printed(await box.hutch(['top', 'nest', '-eo', 'pid,args']));
    await nest.end();
    assert.match(output, /^ *\d+ +unshare .*\n *\d+ +sleep 1005\n$/mu);
  });

  it('refuses a container that does not run', async () => {
    assertRefused(await box.hutch(['top', 'nobody']), /there is no container "nobody"/u);
  });
});
