/** The network is set up while init mounts: what fails first, and how that is told. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { remaining } from '../../e2e/processes.ts';
import { assertRefused, containerTraces, hostSkip, makeSandbox, printed } from '../../e2e/sandbox.ts';

const ROUNDS = 10;

describe('a network that is set up while init mounts', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const programs = path.join(box.directory, 'bin');

  /** A slirp4netns that does what `script` says. */
  const withHelper = (script: string): NodeJS.ProcessEnv => {
    mkdirSync(programs, { recursive: true });
    const program = path.join(programs, 'slirp4netns');
    writeFileSync(
      program,
      `#!/bin/sh\ncase "$*" in *--version*) exec /usr/bin/slirp4netns --version ;; esac\n${script}\n`,
    );
    chmodSync(program, 0o755);
    return { PATH: `${programs}:/usr/bin:/bin` };
  };

  it('a mount that fails is the reason, whatever becomes of the helper meanwhile', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const refused = await box.hutch(['run', '--rm', '-p', '80', '--tmpfs', '/etc/passwd/x', 'host', 'true']);
      assertRefused(refused, /^hutch: step \d+ of \d+ failed with ENOTDIR .*\/etc\/passwd\/x/u);
    }
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
  });

  it('the payload never runs before the network stands', async () => {
    const slow = withHelper('sleep 0.3; exec /usr/bin/slirp4netns "$@"');
    const seen = printed(await box.hutch(['run', '--rm', 'host', 'cat', '/proc/net/dev'], { env: slow }));
    assert.match(seen, /^ *tap0:/mu);
  });

  it('a helper that fails late is the reason, and nothing is left', async () => {
    const failing = withHelper('sleep 0.3; echo it has no wish to >&2; exit 1');
    const refused = await box.hutch(['run', '--rm', 'host', 'echo', 'it runs'], { env: failing });
    assertRefused(refused, /slirp4netns.*it has no wish to/u);
    assert.equal(refused.stdout, '');
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
  });
});
