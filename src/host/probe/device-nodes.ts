/** The device nodes that helpers open as the user; on the host's side. */
import { closeSync, openSync } from 'node:fs';
import { errnoOf } from '../../errors/hutch-error.ts';
import { admin, failed, fine, you, type Diagnosis, type Finding, type Topic } from './finding.ts';

export const FUSE_DEVICE: Topic = { id: 'dev-fuse', title: '/dev/fuse', needed: false };
export const TUN_DEVICE: Topic = { id: 'dev-net-tun', title: '/dev/net/tun', needed: true };

/** Opens the device for reading and writing and closes it again; neither device does anything by that alone. */
export function probeDevice(topic: Topic): Finding {
  const path = topic.title;
  const errno = openErrno(path);
  return errno === null ? fine(topic, 'opens') : failed(topic, `open: ${errno}`, explainDevice(path, errno));
}

function openErrno(path: string): string | null {
  try {
    closeSync(openSync(path, 'r+'));
    return null;
  } catch (error) {
    return errnoOf(error) ?? String(error);
  }
}

interface Use {
  readonly module: string;
  readonly purpose: string;
  readonly instead: string;
}

const USES: Readonly<Record<string, Use>> = {
  '/dev/fuse': {
    module: 'fuse',
    purpose: 'the fuse-overlayfs storage driver',
    instead: 'hutch run --storage-driver overlay …, or vfs',
  },
  '/dev/net/tun': {
    module: 'tun',
    purpose: 'slirp4netns, the network of containers',
    instead: 'hutch run --net none …, or --net host',
  },
};

/** Why a device node does not open: not there, no module behind it, not for everyone, or forbidden by a container around us. */
export function explainDevice(path: string, errno: string): Diagnosis {
  const { module, purpose, instead } = USES[path] ?? { module: path, purpose: 'a helper', instead: 'do without it' };
  const load = admin(`modprobe ${module} && echo ${module} >/etc/modules-load.d/${module}.conf`);
  const open = admin(`chmod 0666 ${path}`);
  const [why, fix] = WHY[errno] ?? [`it cannot be opened (${errno})`, 'load'];
  return { cause: `${why}; it is needed by ${purpose}`, fix: [you(instead), fix === 'load' ? load : open] };
}

const WHY: Readonly<Record<string, readonly [string, 'load' | 'open']>> = {
  ENOENT: ['there is no such device node', 'load'],
  ENODEV: ['no driver stands behind the device node', 'load'],
  ENXIO: ['no driver stands behind the device node', 'load'],
  EACCES: ['its mode does not let you open it', 'open'],
  EPERM: ['a device filter of the container or service around this process forbids it', 'open'],
};
