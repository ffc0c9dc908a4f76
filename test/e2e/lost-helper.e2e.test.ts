/** A chain whose first program is killed while a child of it waits: the run ends in words, and the child goes too. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { idsSkip, makeSandbox, printed, assertRefused, containerTraces } from './sandbox.ts';
import { remaining } from './processes.ts';

describe('a chain that is killed before its maps stand', { skip: await idsSkip() }, () => {
  const box = makeSandbox();
  const prelaunch = path.join(box.run, 'prelaunch');
  const run = ['run', '--rm', '--net', 'none', 'host', 'true'];
  // The child keeps the channel open, as that of unshare(1) does.
  const KILLED = `sh -c 'sleep 1000 & kill -KILL $$'`;

  it('ends a run that has taken over what the launcher had started', async () => {
    printed(await box.hutch(run));
    const script = readFileSync(prelaunch, 'utf8');
    const changed = script.replace(
      /(setsid env -i \S+ \S+) .*( <\/dev\/null >\/dev\/null 2>&4)/su,
      (_, before: string, after: string) => `${before} ${KILLED}${after}`,
    );
    assert.notEqual(changed, script, 'control: the chain was exchanged');
    writeFileSync(prelaunch, changed);
    assertRefused(await box.hutch(run), /^hutch: cannot make the namespaces of the container: /u);
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
  });
});
