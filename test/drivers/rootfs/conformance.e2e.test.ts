/** One list of behaviours for every rootfs driver, through the built program, on an imported image. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { probeRootfsDriver, ROOTFS_DRIVERS } from '../../../src/drivers/rootfs/probe.ts';
import { busyboxSkip } from '../../e2e/busybox-archive.ts';
import { descendant, descendants, killMonitor, remaining } from '../../e2e/processes.ts';
import {
  BUSYBOX,
  containerTraces,
  hostMounts,
  idsSkip,
  importBusybox,
  makeSandbox,
  outcomeOf,
  printed,
  type Outcome,
} from '../../e2e/sandbox.ts';
import { listTree } from '../../helpers/userns-tree.ts';
import { BEHAVIOURS } from './behaviours.ts';

const skipAll = (await idsSkip()) || busyboxSkip();

for (const driver of ROOTFS_DRIVERS) {
  describe(`the rootfs driver ${driver}`, { skip: skipAll }, async () => {
    const box = makeSandbox();
    const layers = path.join(box.data, 'layers');
    mkdirSync(box.data, { mode: 0o700 });
    const probe = await probeRootfsDriver(driver, { root: box.data, run: box.run });
    const skip = probe.ok ? false : probe.reason;
    const run = (script: string, ...flags: readonly string[]): Promise<Outcome> =>
      box.inBusybox(script, '--storage-driver', driver, ...flags);
    before(() => importBusybox(box));

    for (const { title, script, prints, flags = [] } of BEHAVIOURS) {
      it(title, { skip }, async () => {
        const { stdout, stderr } = await run(script, ...flags);
        assert.deepEqual({ stdout, stderr }, { stdout: prints, stderr: '' });
      });
    }

    it(
      'keeps extended attributes of users, on its own files and on those of the layer',
      { skip: skip === false ? attributesSkip() : skip },
      async () => {
        const tools = ['/usr', '/lib64', '/lib']
          .filter((name) => existsSync(name))
          .flatMap((name) => ['-v', `${name}:${name}:ro`]);
        const script =
          'echo x >f; for f in f lower/file; do setfattr -n user.colour -v blue $f; getfattr --only-values -n user.colour $f; echo; done; mv f g; getfattr --only-values -n user.colour g';
        const flags = [...tools, '-e', 'PATH=/bin:/usr/bin'];
        assert.equal(printed(await run(script, ...flags)), 'blue\nblue\nblue');
      },
    );

    it('leaves the layer as it is, whatever containers do to it', { skip }, async () => {
      const [layer = ''] = readdirSync(layers).map((name) => path.join(layers, name));
      const was = await listTree(layer);
      assert.match(was, /lower\/tree\/deep\/leaf/u, 'control: the layer is where it is looked for');
      await run(
        'rm -r lower/tree; echo x >>lower/file; chmod 0 lower/owned; chown 7 lower/hard; touch -t 200001010000 lower/large; rm bin/sh',
      );
      assert.equal(await listTree(layer), was);
      printed(await run('test -e lower/tree/deep/leaf && test "$(cat lower/file)" = "from the layer"'));
    });

    it('gives each of two containers at once a root of its own', { skip }, async () => {
      const outcomes = await Promise.all(
        ['a', 'b', 'c'].map((name) => run(`echo ${name} >lower/file; sleep 0.3; cat lower/file`)),
      );
      assert.deepEqual(
        outcomes.map((outcome) => printed(outcome)),
        ['a\n', 'b\n', 'c\n'],
      );
    });

    it('makes nothing in the layer of a container that writes nothing', { skip }, async () => {
      const flags = ['--name', 'idle', '--net', 'none', '--storage-driver', driver];
      printed(await box.hutch(['run', ...flags, BUSYBOX, 'true']));
      const id = printed(await box.hutch(['inspect', '--format', '{{.Id}}', 'idle'])).trim();
      // With vfs the copy of the image is the container's own layer.
      if (driver !== 'vfs') assert.deepEqual(readdirSync(path.join(box.data, 'containers', id, 'upper')), []);
      assert.equal(printed(await box.hutch(['diff', 'idle'])), '');
      printed(await box.hutch(['rm', 'idle']));
    });

    it('is open to all users of the container, whatever the umask of who makes it', { skip }, async () => {
      const script = 'stat -c "%a %n" / /etc /etc/hosts /made /made/here; cat /etc/resolv.conf >/dev/null; umask';
      const flags = ['--net', 'none', '--storage-driver', driver, '-u', '1000', '-v', `${box.directory}:/made/here:ro`];
      const outcome = await box.hutch(['run', '--rm', ...flags, BUSYBOX, 'sh', '-c', script], {
        wrapper: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
      });
      const modes = ['755 /', '755 /etc', '644 /etc/hosts', '755 /made', '700 /made/here'];
      assert.equal(printed(outcome), [...modes, '0022', ''].join('\n'));
    });

    it('works two user namespaces deep', { skip }, async () => {
      const script =
        'rm -r lower/tree; mkdir lower/tree; ls -A lower/tree; echo x >>lower/owned; chown 65535 lower/owned; stat -c %u:%g lower/owned; wc -l </proc/self/uid_map';
      const argv = ['run', '--rm', '--net', 'none', '--storage-driver', driver, BUSYBOX, 'sh', '-c', script];
      assert.equal(printed(await box.hutch(argv, { env: { HUTCH_NESTED: '1' } })), '65535:44\n2\n');
    });

    it('keeps what was written until hutch rm, of any owner and mode', { skip }, async () => {
      const script = 'mkdir -p d/e; chown 1000 d/e; chmod 0 d/e d; rm -r lower/tree; mkdir lower/tree';
      printed(
        await box.hutch([
          'run',
          '--name',
          'kept',
          '--net',
          'none',
          '--storage-driver',
          driver,
          BUSYBOX,
          'sh',
          '-c',
          script,
        ]),
      );
      assert.notDeepEqual(containerTraces(box), []);
      printed(await box.hutch(['rm', 'kept']));
      assert.deepEqual(containerTraces(box), []);
    });

    it('leaves nothing mounted and nothing on disk', { skip }, async () => {
      const seen = printed(await run(`awk '$5 == "/"' /proc/self/mountinfo | wc -l`));
      assert.equal(seen, '1\n', 'control: the container has a root mount');
      assert.deepEqual([hostMounts(box), containerTraces(box)], [[], []]);
    });

    it(
      'leaves no process, helper or mount when the monitor is killed, and the next run removes the rest',
      { skip },
      async () => {
        const argv = [
          'run',
          '--rm',
          '--net',
          'none',
          '--storage-driver',
          driver,
          BUSYBOX,
          'sh',
          '-c',
          'echo x >lower/file; exec sleep 1000',
        ];
        const child = box.start(argv);
        const outcome = outcomeOf(child);
        await descendant(/^sleep 1000/u);
        const helpers = descendants().filter(({ command }) => /^(?:\S*\/)?fuse-overlayfs /u.test(command));
        assert.equal(
          helpers.length > 0,
          driver === 'fuse-overlayfs',
          'control: the driver is the one that was asked for',
        );
        await killMonitor(child.pid);
        await outcome;
        assert.equal(await remaining(), '');
        assert.deepEqual(hostMounts(box), []);
        assert.notDeepEqual(containerTraces(box), [], 'control: a killed monitor cannot have cleaned up');
        printed(await run('true'));
        assert.deepEqual(containerTraces(box), []);
      },
    );
  });
}

function attributesSkip(): string | false {
  return existsSync('/usr/bin/setfattr') ? false : 'setfattr is not installed';
}
