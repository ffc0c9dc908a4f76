/** The doctor as an ordinary user, where root has broken one thing in a mount namespace that only the doctor is in. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ordinaryUser } from '../../helpers/ordinary-user.ts';
import { examine, findingIn } from './examine.ts';

const user = ordinaryUser();
const skip = skipReason();

let home = '';
before(() => {
  home = mkdtempSync(path.join(tmpdir(), 'hutch-doctor-'));
  if (user !== undefined && skip === false) chownSync(home, Number(user.uid), Number(user.gid));
  chmodSync(home, 0o711);
});
after(() => rmSync(home, { recursive: true, force: true }));

function skipReason(): string | false {
  if (process.getuid?.() !== 0) return 'only root can arrange this in a mount namespace';
  if (user === undefined) return 'no account with subordinate ids in /etc/subuid';
  return spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : 'root may not make a mount namespace here';
}

interface Broken {
  readonly what: string;
  readonly arrange: string;
  readonly id: string;
  readonly status: 'fail' | 'warn';
  readonly cause: RegExp;
  readonly willRun: boolean;
}

const hide = (program: string): string => `mount --bind /dev/null "$(readlink -f "$(command -v ${program})")"`;

const BROKEN: readonly Broken[] = [
  {
    what: 'newuidmap lies on a nosuid mount',
    arrange: 'mount --bind -o nosuid /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin',
    id: 'id-maps',
    status: 'fail',
    cause: /mounted nosuid/u,
    willRun: false,
  },
  {
    what: 'newuidmap has lost its setuid bit',
    arrange:
      'mount -t tmpfs tmpfs /mnt; cp /usr/bin/newuidmap /mnt/x; chmod 755 /mnt/x; mount --bind /mnt/x /usr/bin/newuidmap',
    id: 'id-maps',
    status: 'fail',
    cause: /no setuid bit/u,
    willRun: false,
  },
  {
    what: 'newuidmap is missing',
    arrange: hide('newuidmap'),
    id: 'id-maps',
    status: 'warn',
    cause: /newuidmap is not installed/u,
    willRun: true,
  },
  {
    what: 'the user has no subordinate ids',
    arrange: 'mount --bind /dev/null /etc/subuid; mount --bind /dev/null /etc/subgid',
    id: 'subordinate-ids',
    status: 'warn',
    cause: /no range in \/etc\/subuid/u,
    willRun: true,
  },
  {
    what: 'the range of the user is given to another one too',
    arrange:
      'mount -t tmpfs tmpfs /mnt; { cat /etc/subuid; sed s/^[^:]*:/intruder:/ /etc/subuid; } >/mnt/x; chmod 644 /mnt/x; mount --bind /mnt/x /etc/subuid',
    id: 'subordinate-ids',
    status: 'warn',
    cause: /to intruder/u,
    willRun: true,
  },
  {
    what: 'slirp4netns is missing',
    arrange: hide('slirp4netns'),
    id: 'slirp4netns',
    status: 'fail',
    cause: /network/u,
    willRun: false,
  },
  {
    what: '/dev/net/tun is for root only',
    arrange: 'mount -t tmpfs tmpfs /mnt; mknod -m 600 /mnt/tun c 10 200; mount --bind /mnt/tun /dev/net/tun',
    id: 'dev-net-tun',
    status: 'fail',
    cause: /mode does not let you/u,
    willRun: false,
  },
  {
    what: '/dev/fuse is for root only',
    arrange: 'mount -t tmpfs tmpfs /mnt; mknod -m 600 /mnt/fuse c 10 229; mount --bind /mnt/fuse /dev/fuse',
    id: 'storage-fuse-overlayfs',
    status: 'warn',
    cause: /\/dev\/fuse does not open/u,
    willRun: true,
  },
  {
    what: 'fuse-overlayfs is missing',
    arrange: hide('fuse-overlayfs'),
    id: 'storage-fuse-overlayfs',
    status: 'warn',
    cause: /not here/u,
    willRun: true,
  },
  {
    what: 'nsenter is missing',
    arrange: hide('nsenter'),
    id: 'programs',
    status: 'fail',
    cause: /way into a namespace/u,
    willRun: false,
  },
  {
    what: 'a part of /proc is covered',
    arrange: 'mount --bind /dev/null /proc/keys',
    id: 'pid-namespace',
    status: 'fail',
    cause: /\/proc\/keys/u,
    willRun: false,
  },
];

for (const { what, arrange, id, status, cause, willRun } of BROKEN) {
  test(`examineHost() finds the cause when ${what}`, { skip }, async () => {
    const report = await examine({ arrange, env: { HUTCH_DATA: path.join(home, 'data'), XDG_RUNTIME_DIR: home } });
    const finding = findingIn(report, id);
    assert.equal(finding.status, status, finding.detail);
    assert.match(finding.cause ?? '', cause);
    assert.ok(finding.fix.length > 0, 'a remedy is named');
    assert.equal(report.willRun, willRun);
  });
}

test('examineHost() does not take a missing program for a refusal of the kernel', { skip }, async () => {
  const env = { HUTCH_DATA: path.join(home, 'data'), XDG_RUNTIME_DIR: home };
  const report = await examine({ arrange: hide('mount'), env });
  assert.equal(findingIn(report, 'programs').status, 'fail');
  assert.match(findingIn(report, 'user-namespace').detail, /^not tried: programs/u);
  assert.equal(report.willRun, false);
});

const STORES = [
  { what: 'noexec', options: 'noexec', storage: 'ok', file: 'warn', vfs: /run a program/u },
  { what: 'full', options: 'size=4k', storage: 'fail', file: 'warn', vfs: /write to the store/u },
  { what: 'read-only', options: 'ro', storage: 'fail', file: 'fail', vfs: /EROFS/u },
] as const;

for (const { what, options, storage, file, vfs } of STORES) {
  test(`examineHost() notices that the file system of the store is ${what}`, { skip }, async () => {
    const report = await examine({
      arrange: `mount -t tmpfs -o mode=777,${options} tmpfs /mnt`,
      env: { HUTCH_DATA: '/mnt/hutch', XDG_RUNTIME_DIR: home },
    });
    assert.equal(findingIn(report, 'store-file-system').status, file);
    assert.equal(findingIn(report, 'storage').status, storage);
    assert.match(findingIn(report, 'storage-vfs').detail, vfs);
  });
}
