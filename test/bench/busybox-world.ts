/** What benches run in: an image of busybox alone, in a store of hutch and one of podman that are made for the run. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, type Argv } from './run-command.ts';

const COMMANDS = ['sh', 'true', 'sleep', 'tail', 'cat', 'yes', 'head'];

export interface BusyboxWorld extends Disposable {
  readonly root: string;
  readonly hutch: string;
  readonly node: string;
  readonly env: NodeJS.ProcessEnv;
  /** podman's first words, with a store of its own on the kernel's overlay; null where podman or runc is missing. */
  readonly podman: Argv | null;
  /** The same with a store on fuse-overlayfs. */
  readonly podmanOnFuse: Argv | null;
}

/** The image's name in both stores. */
export const IMAGE = 'bench:1';

/** Makes it; disposing of it removes everything. */
export function makeBusyboxWorld(): BusyboxWorld {
  const root = join(import.meta.dirname, '../..');
  const hutch = join(root, 'dist/hutch');
  const scratch = mkdtempSync(join(tmpdir(), 'hutch-bench-'));
  const env = { ...process.env, HUTCH_DATA: join(scratch, 'data') };
  const tarball = makeRootTarball(scratch);
  runCommand([hutch, 'image', 'import', tarball, IMAGE], env);
  const hasPodman = existsSync('/usr/bin/podman') && existsSync('/usr/sbin/runc');
  const podman = hasPodman ? podmanIn(join(scratch, 'podman')) : null;
  const fuse = ['--storage-opt', 'overlay.mount_program=/usr/bin/fuse-overlayfs'];
  const podmanOnFuse = hasPodman ? podmanIn(join(scratch, 'podman-on-fuse'), fuse) : null;
  for (const each of [podman, podmanOnFuse]) if (each !== null) runCommand([...each, 'import', tarball, IMAGE], env);
  return {
    root,
    hutch,
    node: join(root, 'dist/node'),
    env,
    podman,
    podmanOnFuse,
    [Symbol.dispose]: () => {
      // Layers, podman's too, hold files of subordinate ids.
      spawnSync(hutch, ['rmi', IMAGE], { env });
      for (const name of ['podman', 'podman-on-fuse']) {
        spawnSync('podman', ['unshare', 'rm', '-rf', join(scratch, name)]);
      }
      rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** A root file system of busybox alone: what is measured is the tool, not the image. */
function makeRootTarball(scratch: string): string {
  const tree = join(scratch, 'tree');
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(tree, name), { recursive: true });
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  for (const name of COMMANDS) symlinkSync('busybox', join(tree, 'bin', name));
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  const tarball = join(scratch, 'root.tar');
  // As in any image: directories of another id in the container would have to be removed in a user namespace each time.
  runCommand(['tar', '-C', tree, '--owner=0', '--group=0', '-cf', tarball, '.']);
  return tarball;
}

function podmanIn(store: string, storage: readonly string[] = []): Argv {
  return [
    'podman',
    ...['--root', store, '--runroot', `${store}-run`],
    ...['--storage-driver', 'overlay', ...storage, '--runtime', '/usr/sbin/runc', '--cgroup-manager', 'cgroupfs'],
    // Its default in a new store, but not in one that has an image already.
    ...(existsSync('/usr/lib/podman/netavark') ? ['--network-backend', 'netavark'] : []),
  ];
}
