/** Containers that outlive their command: names, `hutch ps`, `hutch rm`. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { descendant, remaining } from './processes.ts';
import { assertRefused, containerTraces, hostMounts, hostSkip, makeSandbox, outcomeOf, printed } from './sandbox.ts';

const RUN = ['run', '--net', 'none'];

describe('a container', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const listed = async (...flags: readonly string[]): Promise<string> =>
    printed(await box.hutch(['ps', ...flags, '--format', '{{.Names}} {{.State}}']));

  it('is not there any more after its end with --rm', async () => {
    printed(await box.hutch([...RUN, '--rm', '--name', 'gone', 'host', 'true']));
    assert.equal(await listed('-a'), '');
    assert.deepEqual(containerTraces(box), []);
  });

  it('stays with its exit code without --rm, until hutch rm removes it by name', async () => {
    printed(await box.hutch([...RUN, '--name', 'seven', 'host', 'sh', '-c', 'exit 7']), 7);
    assert.equal(await listed('-a'), 'seven exited\n');
    assert.equal(await listed(), '', 'without -a only what runs is shown');
    assert.match(
      printed(await box.hutch(['ps', '-a'])),
      /^[0-9a-f]{12} +host +sh -c exit 7 +\S.* ago +Exited \(7\) .* ago +seven$/mu,
    );
    assert.equal(printed(await box.hutch(['rm', 'seven'])), 'seven\n');
    assert.equal(await listed('-a'), '');
    assert.deepEqual(containerTraces(box), []);
  });

  it('can be removed by the beginning of its id, and not by what begins several', async () => {
    printed(await box.hutch([...RUN, '--name', 'a', 'host', 'true']));
    const id = printed(await box.hutch(['ps', '-a', '-q', '--no-trunc'])).trim();
    assert.match(id, /^[0-9a-f]{64}$/u);
    printed(await box.hutch(['rm', id.slice(0, 8)]));
    assert.equal(await listed('-a'), '');
    assertRefused(
      await box.hutch(['rm', id.slice(0, 8)]),
      /^hutch: there is no container "[0-9a-f]{8}"\n.*hutch ps -a/u,
    );
  });

  it('is shown as running while it runs, is not removed by rm, and is ended by rm -f', async () => {
    const child = box.start([...RUN, '--name', 'web', 'host', 'sleep', '1000']);
    const outcome = outcomeOf(child);
    await descendant(/^sleep 1000/u);
    assert.equal(await listed(), 'web running\n');
    assertRefused(await box.hutch(['rm', 'web']), /^hutch: container "web" is running\n.*hutch rm -f web/u);
    assert.equal(printed(await box.hutch(['rm', '-f', 'web'])), 'web\n');
    assert.equal((await outcome).code, 137);
    assert.equal(await remaining(), '');
    assert.equal(await listed('-a'), '');
    assert.deepEqual([containerTraces(box), hostMounts(box)], [[], []]);
  });

  it('keeps its name for itself while it is there, ended or not', async () => {
    printed(await box.hutch([...RUN, '--name', 'mine', 'host', 'true']));
    const again = await box.hutch([...RUN, '--rm', '--name', 'mine', 'host', 'true']);
    assertRefused(again, /^hutch: the name "mine" is in use by container [0-9a-f]{12}\n.*hutch rm mine/u);
    assert.equal(await listed('-a'), 'mine exited\n', 'the refused run has left nothing');
    printed(await box.hutch(['rm', 'mine']));
    printed(await box.hutch([...RUN, '--rm', '--name', 'mine', 'host', 'true']));
  });

  it('gets its name only once when several ask for it at the same time', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => box.hutch([...RUN, '--name', 'race', 'host', 'true'])),
    );
    assert.deepEqual(outcomes.map(({ code }) => code).sort(), [0, 125, 125, 125, 125, 125]);
    assert.equal(await listed('-a'), 'race exited\n');
    printed(await box.hutch(['rm', 'race']));
  });

  it('cannot be called by what is no name', async () => {
    for (const name of ['', '-x', '../x', 'a b', 'ä', 'x'.repeat(129)]) {
      assertRefused(
        await box.hutch([...RUN, '--rm', `--name=${name}`, 'host', 'true']),
        /cannot be a container's name\n.*use letters/u,
      );
    }
    assert.deepEqual(containerTraces(box), []);
  });

  it('is unknown to rm under any other name, and the other names are removed all the same', async () => {
    printed(await box.hutch([...RUN, '--name', 'known', 'host', 'true']));
    const { code, stdout, stderr } = await box.hutch(['rm', 'unknown', '../known', 'known']);
    assert.equal(code, 125);
    assert.equal(stdout, 'known\n');
    assert.match(stderr, /there is no container "unknown"[^]*there is no container "\.\.\/known"/u);
    assert.deepEqual(containerTraces(box), []);
  });

  it('is removed with files of other ids, of mode 0 and of any depth in it', async () => {
    const script =
      'cd /var/tmp; mkdir -p a/b/c; touch a/b/c/f; chmod 0 a/b/c a/b a; mkdir o; chown 1000:1000 o; chmod 700 o';
    printed(await box.hutch([...RUN, '--name', 'odd', 'host', 'sh', '-c', script]));
    printed(await box.hutch(['rm', 'odd']));
    assert.deepEqual(containerTraces(box), []);
  });
});
