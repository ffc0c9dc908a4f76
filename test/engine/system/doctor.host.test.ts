/** The doctor on this host: healthy, and with one thing broken at a time; nothing outside the test's own namespaces changes. */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { examine, findingIn, ordinaryUser, type Circumstances } from './examine.ts';

const user = ordinaryUser();
const isRoot = process.getuid?.() === 0;
const skip = user === undefined ? 'no account with subordinate ids in /etc/subuid' : false;
const skipArranged = skip !== false ? skip : isRoot ? false : 'only root can arrange this in a mount namespace';

let home = '';
before(() => {
  home = mkdtempSync(path.join(tmpdir(), 'hutch-doctor-'));
  if (isRoot && user !== undefined) chownSync(home, Number(user.uid), Number(user.gid));
  chmodSync(home, 0o711);
});
after(() => rmSync(home, { recursive: true, force: true }));

function inHome(circumstances: Circumstances = {}): Circumstances {
  const places = { HUTCH_DATA: path.join(home, 'data'), XDG_RUNTIME_DIR: home };
  return { ...circumstances, env: { ...places, ...circumstances.env } };
}

test('examineHost() finds a healthy host healthy and leaves only the probe cache behind', { skip }, async () => {
  const report = await examine(inHome());
  assert.deepEqual(
    report.findings.filter(({ status }) => status === 'fail').map(({ id, detail }) => `${id}: ${detail}`),
    [],
  );
  assert.equal(report.willRun, true);
  assert.deepEqual(readdirSync(home, { recursive: true }).toSorted(), ['hutch', 'hutch/probes.json']);
});

test('examineHost() blames NoNewPrivs when newuidmap cannot gain privileges', { skip }, async () => {
  const report = await examine(inHome({ through: ['setpriv', '--no-new-privs', '--'] }));
  assert.equal(report.willRun, false);
  assert.match(findingIn(report, 'id-maps').cause ?? '', /NoNewPrivs/u);
  assert.equal(findingIn(report, 'storage').status, 'skip');
});

test('examineHost() blames the limit when no more user namespaces are allowed', { skip }, async () => {
  const script = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"';
  const through = ['unshare', '--user', '--map-root-user', 'sh', '-ec', script, 'limited'];
  const report = await examine(inHome({ through }));
  assert.equal(report.willRun, false);
  assert.equal(findingIn(report, 'namespace-limits').status, 'fail');
  assert.match(findingIn(report, 'user-namespace').cause ?? '', /max_user_namespaces = 0/u);
  assert.match(findingIn(report, 'user-namespace').fix[0]?.text ?? '', /sysctl/u);
});

test('examineHost() says so when it runs in a user namespace already', { skip }, async () => {
  const report = await examine(inHome({ through: ['unshare', '--user', '--map-root-user'] }));
  assert.match(findingIn(report, 'id-maps').cause ?? '', /in a user namespace already, which has 1 ids/u);
});

test('examineHost() fails when the store cannot be made', { skip }, async () => {
  const report = await examine({ env: { HUTCH_DATA: '/proc/hutch', XDG_RUNTIME_DIR: home } });
  assert.equal(report.willRun, false);
  assert.match(findingIn(report, 'directories').cause ?? '', /\/proc\/hutch/u);
  assert.equal(findingIn(report, 'storage').status, 'fail');
});

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
  test(`examineHost() finds the cause when ${what}`, { skip: skipArranged }, async () => {
    const report = await examine(inHome({ arrange }));
    const finding = findingIn(report, id);
    assert.equal(finding.status, status, finding.detail);
    assert.match(finding.cause ?? '', cause);
    assert.ok(finding.fix.length > 0, 'a remedy is named');
    assert.equal(report.willRun, willRun);
  });
}

const STORES = [
  { what: 'noexec', options: 'noexec', storage: 'ok', file: 'warn', vfs: /run a program/u },
  { what: 'full', options: 'size=4k', storage: 'fail', file: 'warn', vfs: /write to the store/u },
  { what: 'read-only', options: 'ro', storage: 'fail', file: 'fail', vfs: /EROFS/u },
] as const;

for (const { what, options, storage, file, vfs } of STORES) {
  test(`examineHost() notices that the file system of the store is ${what}`, { skip: skipArranged }, async () => {
    const report = await examine({
      arrange: `mount -t tmpfs -o mode=777,${options} tmpfs /mnt`,
      env: { HUTCH_DATA: '/mnt/hutch', XDG_RUNTIME_DIR: home },
    });
    assert.equal(findingIn(report, 'store-file-system').status, file);
    assert.equal(findingIn(report, 'storage').status, storage);
    assert.match(findingIn(report, 'storage-vfs').detail, vfs);
  });
}
