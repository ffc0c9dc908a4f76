/** Mounts whose target is a trap: a link in the image, or one that somebody flips while hutch mounts. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import type { TarPart } from '../helpers/tar-builder.ts';
import { assertRefused, makeSandbox, type Outcome, type Sandbox } from '../e2e/sandbox.ts';
import { attackerSkip, compileProbe, importTree } from './attacker.ts';

const RUN = ['run', '--rm', '--net', 'none'];

/** A directory of the host with one file in it, which no container may touch, and empty directories. */
function makeVictim(box: Sandbox, directories: readonly string[] = []): string {
  const victim = path.join(box.directory, 'victim');
  for (const name of ['.', ...directories]) mkdirSync(path.join(victim, name), { recursive: true });
  writeFileSync(path.join(victim, 'file'), 'of the host\n');
  return victim;
}

/** The directories of a path, from the outermost one. */
function directoriesTo(at: string): TarPart[] {
  const names = at.split('/').slice(1);
  return names.map((_, index) => ({ name: `${names.slice(0, index + 1).join('/')}/`, flag: '5', mode: 0o755 }));
}

function assertUntouched(victim: string, directories: readonly string[] = []): void {
  assert.deepEqual(readdirSync(victim, { recursive: true }).sort(), ['file', ...directories].sort());
  assert.equal(readFileSync(path.join(victim, 'file'), 'utf8'), 'of the host\n');
}

// H5; CVE-2021-30465 elsewhere.
describe('the target of a volume', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  const TARGETS = Array.from({ length: 40 }, (_, index) => `m${index}`);
  const victim = makeVictim(box, TARGETS);
  const [shared, source] = [path.join(box.directory, 'shared'), path.join(box.directory, 'source')];
  const probe = path.join(box.directory, 'probe');
  before(async () => {
    compileProbe(probe);
    for (const target of TARGETS) mkdirSync(path.join(shared, 'a', target), { recursive: true });
    symlinkSync(victim, path.join(shared, 'b'));
    mkdirSync(source);
    // The link leads to a directory in the container as well, of the same name: nothing is in the way of a mount.
    const inside = TARGETS.map((target): TarPart => ({
      name: `${victim.slice(1)}/${target}/`,
      flag: '5',
      mode: 0o755,
    }));
    await importTree(box, 'victim:test', [...directoriesTo(victim), ...inside]);
  });

  /** A container with all volumes below NAME of the shared one. */
  async function mountAll(name: string): Promise<Outcome> {
    const volumes = TARGETS.flatMap((target) => ['-v', `${source}:/shared/${name}/${target}`]);
    return box.hutch([...RUN, '-v', `${shared}:/shared`, ...volumes, 'victim:test', 'cat', '/proc/self/mountinfo']);
  }

  /** The places at which `source` is mounted. */
  function places({ stdout }: Pick<Outcome, 'stdout'>): string[] {
    const rows = stdout.split('\n').map((line) => line.split(' '));
    return rows.filter((row) => row[3]?.endsWith('/source') === true).map((row) => row[4] ?? '');
  }

  it('is found within the container when a link leads out of it', async () => {
    const outcome = await mountAll('b');
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.deepEqual(
      places(outcome),
      TARGETS.map((target) => path.join(victim, target)),
    );
    assertUntouched(victim, TARGETS);
  });

  it('is never outside of the container, though the link comes and goes while hutch mounts', async () => {
    const flipping = spawn(probe, ['flip', path.join(shared, 'a'), path.join(shared, 'b')]);
    const outcomes: Outcome[] = [];
    try {
      for (let round = 0; round < 6; round += 1) outcomes.push(await mountAll('a'));
    } finally {
      flipping.kill('SIGKILL');
    }
    for (const outcome of outcomes) {
      if (outcome.code !== 0) assertRefused(outcome, /\/shared\/a/u);
      else assert.equal(places(outcome).length, TARGETS.length);
    }
    // The directory that was named /shared/a when it was mounted on may bear the link's name now.
    const found = new Set(outcomes.flatMap(places).map((place) => path.dirname(place)));
    const inside = ['/shared/a', '/shared/b', victim];
    assert.deepEqual(
      [...found].filter((place) => !inside.includes(place)),
      [],
    );
    assert.ok(found.size > 1, 'the link was never flipped while hutch mounted');
    assertUntouched(victim, TARGETS);
  });

  it('would be outside of it by mount(8) on a path, as the control shows', () => {
    const other = path.join(box.directory, 'other');
    mkdirSync(path.join(other, 'root/shared'), { recursive: true });
    mkdirSync(path.join(other, 'victim/m'), { recursive: true });
    symlinkSync(path.join(other, 'victim'), path.join(other, 'root/shared/b'));
    const script = 'mount --bind "$1" "$2/root/shared/b/m"; cat /proc/self/mountinfo';
    const argv = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', source, other];
    assert.deepEqual(places(spawnSync('unshare', argv, { encoding: 'utf8' })), [path.join(other, 'victim/m')]);
  });
});

// CVE-2025-31133 and others: what the tool mounts itself must not follow the image's links either.
describe('an image', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  const victim = makeVictim(box);
  const link = (name: string, linkName: string): TarPart => ({ name, flag: '2', linkName });

  for (const name of ['dev', 'proc', 'sys']) {
    it(`is refused when its /${name} is a link`, async () => {
      await importTree(box, `${name}:link`, [link(name, victim)], [name]);
      assertRefused(
        await box.hutch([...RUN, `${name}:link`, 'true']),
        new RegExp(`ELOOP .* symbolic link at /${name} where`, 'su'),
      );
      await importTree(box, `${name}:missing`, [], [name]);
      assert.equal((await box.hutch([...RUN, `${name}:missing`, 'true'])).code, 0, 'it is made where it is missing');
      assertUntouched(victim);
    });
  }

  it('gets its /etc files within itself when they are links to files of the host', async () => {
    const names = ['hosts', 'hostname', 'resolv.conf'];
    const files = names.map((name) => link(`etc/${name}`, path.join(victim, 'file')));
    await importTree(box, 'etc:links', files);
    await importTree(box, 'etc:link', [link('etc', victim)], ['etc']);
    for (const name of ['etc:links', 'etc:link']) {
      const { code, stdout } = await box.hutch([...RUN, '-h', 'trap', name, 'cat', '/etc/hosts', '/etc/hostname']);
      assert.ok(code === 125 || stdout.includes('trap'), `${name}: ${stdout}`);
      assert.ok(!stdout.includes('of the host'));
      assertUntouched(victim);
    }
  });

  it('names its users within itself, whatever its passwd is', async () => {
    const passwd = path.join(victim, '../passwd');
    writeFileSync(passwd, 'trap:x:42:42::/:/bin/sh\n');
    const traps: Readonly<Record<string, TarPart>> = {
      link: link('etc/passwd', passwd),
      fifo: { name: 'etc/passwd', flag: '6' },
      large: { name: 'etc/passwd', content: `trap:x:42:42::/:/bin/sh\n${'#'.repeat(2 ** 21)}` },
    };
    for (const [name, part] of Object.entries(traps)) {
      await importTree(box, `passwd:${name}`, [part]);
      assertRefused(await box.hutch([...RUN, '-u', 'trap', `passwd:${name}`, 'id']), /no user "trap"/u);
    }
    await importTree(box, 'passwd:good', [{ name: 'etc/passwd', content: 'trap:x:42:42::/:/bin/sh\n' }]);
    const { stdout, stderr } = await box.hutch([...RUN, '-u', 'trap', 'passwd:good', 'id', '-u']);
    assert.ok(stdout === '42\n' || stderr.includes('user id 42'), stderr);
  });

  it('cannot have its working directory outside of itself', async () => {
    await importTree(box, 'cwd:link', [link('work', victim), link('fd', '/proc/self/fd/3')]);
    const { stdout } = await box.hutch([...RUN, '-w', '/work', 'cwd:link', 'sh', '-c', 'pwd -P; ls']);
    assert.ok(!stdout.includes('file'), stdout);
    const leaked = await box.hutch([...RUN, '-w', '/fd', 'cwd:link', 'ls']);
    assert.equal(leaked.code, 125, leaked.stdout);
    assertUntouched(victim);
    assert.ok(existsSync(victim));
  });
});
