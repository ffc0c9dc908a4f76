/** The same request by `hutch run` and by the script of `hutch plan run --format bash`: two containers, compared from inside. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { busyboxSkip } from '../../e2e/busybox-archive.ts';
import { BUSYBOX, hostSkip, idsSkip, importBusybox, makeSandbox, outcomeOf, printed } from '../../e2e/sandbox.ts';
import type { Outcome } from '../../e2e/sandbox.ts';
import { differencesOf, namespacesOf, parseReport, REPORT, type Difference, type Report } from './report.ts';

/** A difference that must be there: if it vanishes, the script has learnt something and this list must say so. */
interface Expected {
  readonly section: string;
  readonly run: RegExp;
  readonly script: RegExp;
  readonly because: string;
}

const FILTER: readonly Expected[] = [
  {
    section: 'status',
    run: /^Seccomp:\t2$/u,
    script: /^Seccomp:\t0$/u,
    because: 'no program of util-linux or coreutils installs a seccomp filter',
  },
  {
    section: 'status',
    run: /^Seccomp_filters:\t1$/u,
    script: /^Seccomp_filters:\t0$/u,
    because: 'the number of filters that the line before is about',
  },
];

interface Twin {
  readonly title: string;
  readonly image: 'host' | typeof BUSYBOX;
  readonly flags: readonly string[];
  /** Namespaces that are the host's. */
  readonly shared: readonly string[];
  readonly expected: readonly Expected[];
  readonly env?: Readonly<Record<string, string>>;
  /** Files of the host without which this twin cannot be made. */
  readonly needs?: readonly string[];
}

const FUSE = ['/usr/bin/fuse-overlayfs', '/dev/fuse'];
const SLIRP = ['/usr/bin/slirp4netns', '/dev/net/tun'];
const ALL = ['pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup', 'time', 'user'];

const TWINS: readonly Twin[] = [
  { title: 'the image host with a network', image: 'host', flags: [], shared: [], expected: FILTER, needs: SLIRP },
  {
    title: 'the image host, read-only',
    image: 'host',
    flags: ['--net', 'none', '--read-only'],
    shared: [],
    expected: FILTER,
  },
  { title: 'an image', image: BUSYBOX, flags: ['--net', 'none'], shared: [], expected: FILTER },
  {
    title: 'another user, a capability, a read-only root and a volume',
    image: BUSYBOX,
    flags: [
      ...['--net', 'none', '-u', '1000:1000', '--group-add', '44', '--cap-add', 'NET_BIND_SERVICE', '--read-only'],
      ...[
        '-v',
        './volume:/data:ro',
        '--tmpfs',
        '/scratch:size=1m',
        '-w',
        '/data',
        '--umask',
        '027',
        '-e',
        "A=it's $HOME",
      ],
      ...['--ulimit', 'nofile=128:256', '--ulimit', 'core=0', '--sysctl', 'net.ipv4.ip_forward=1', '--shm-size', '1m'],
      ...['--security-opt', 'no-new-privileges', '--security-opt', 'mask=/lower', '--add-host', 'db:10.1.2.3'],
    ],
    shared: [],
    expected: FILTER,
  },
  {
    title: '--privileged with the network and the processes of the host',
    image: BUSYBOX,
    flags: ['--privileged', '--net', 'host', '--pid', 'host'],
    shared: ['time', 'net', 'pid'],
    expected: [],
  },
  {
    title: 'every namespace shared that can be',
    image: 'host',
    flags: ['--net', 'host', '--pid', 'host', '--ipc', 'host', '--uts', 'host', '--cgroupns', 'host'],
    shared: ['time', 'net', 'pid', 'ipc', 'uts', 'cgroup'],
    expected: FILTER,
  },
  {
    title: 'clocks of its own',
    image: BUSYBOX,
    flags: ['--net', 'none', '--clock-offset', '86400'],
    shared: [],
    expected: FILTER,
  },
  {
    title: 'fuse-overlayfs',
    image: BUSYBOX,
    flags: ['--net', 'none', '--storage-driver', 'fuse-overlayfs'],
    shared: [],
    expected: FILTER,
    needs: FUSE,
  },
  {
    title: 'the image host by fuse-overlayfs',
    image: 'host',
    flags: ['--net', 'none', '--storage-driver', 'fuse-overlayfs'],
    shared: [],
    expected: FILTER,
    needs: FUSE,
  },
  {
    title: 'a copy of the image (vfs)',
    image: BUSYBOX,
    flags: ['--net', 'none', '--storage-driver', 'vfs'],
    shared: [],
    expected: FILTER,
  },
  {
    title: 'two user namespaces',
    image: BUSYBOX,
    flags: ['--net', 'none'],
    shared: [],
    expected: FILTER,
    env: { HUTCH_NESTED: '1' },
  },
];

const skipAll = hostSkip();
const skipIds = skipAll === false ? await idsSkip() : skipAll;
const skipBusybox = busyboxSkip();

function skipReason({ image, flags, needs = [], env }: Twin): string | false {
  if (image === BUSYBOX && skipBusybox !== false) return skipBusybox;
  if ((flags.includes('-u') || env !== undefined) && skipIds !== false) return skipIds;
  const missing = needs.find((path) => !existsSync(path));
  return missing === undefined ? false : `${missing} is missing`;
}

/** Takes every expected difference out, each exactly once; what is left, on either side, is a fault. */
function settle(found: readonly Difference[], expected: readonly Expected[]): unknown {
  const isIt = (e: Expected, d: Difference): boolean =>
    d.section === e.section && e.run.test(d.run ?? '') && e.script.test(d.script ?? '');
  return {
    unexpected: found.filter((difference) => !expected.some((each) => isIt(each, difference))),
    vanished: expected.filter((each) => found.filter((difference) => isIt(each, difference)).length !== 1),
  };
}

const NOTHING = { unexpected: [], vanished: [] };

describe('the script of a plan gives the container of hutch run', { skip: skipAll }, () => {
  const box = makeSandbox();
  before(async () => {
    mkdirSync(join(box.directory, 'volume'));
    if (skipBusybox === false) await importBusybox(box);
  });

  const words = ({ image, flags }: Twin): string[] => {
    const hostname = flags.includes('--uts') ? [] : ['-h', 'twin'];
    return ['--name', 'twin', ...hostname, ...flags, image, 'sh', '-c', REPORT];
  };
  const environment = (twin: Twin) => ({ ...twin.env, TMPDIR: box.directory, HOME: box.directory });

  const byRun = async (twin: Twin): Promise<Report> => {
    const outcome = await box.hutch(['run', '--rm', ...words(twin)], { env: environment(twin) });
    return parseReport(printed(outcome));
  };
  const byScript = async (twin: Twin): Promise<Report> => {
    const env = environment(twin);
    const script = printed(await box.hutch(['plan', 'run', '--format', 'bash', ...words(twin)], { env }));
    const { code, stdout, stderr } = await runScript(script);
    assert.equal(code, 0, stderr);
    return parseReport(stdout);
  };
  const runScript = (script: string): Promise<Outcome> => {
    const file = box.file('script', script);
    return outcomeOf(spawn('bash', [file], { cwd: box.directory, env: { PATH: box.env['PATH'], LEAKED: '1' } }));
  };

  for (const twin of TWINS) {
    it(twin.title, { skip: skipReason(twin) }, async () => {
      const [run, script] = [await byRun(twin), await byScript(twin)];
      for (const report of [run, script]) {
        assert.ok((report['mounts'] ?? []).length > 10 && (report['status'] ?? []).length > 10, 'the report is whole');
        const namespaces = namespacesOf(report);
        const own = ALL.filter((name) => namespaces[name] !== readlinkSync(`/proc/self/ns/${name}`));
        assert.deepEqual(
          own,
          ALL.filter((name) => !twin.shared.includes(name)),
        );
      }
      assert.deepEqual(settle(differencesOf(run, script), twin.expected), NOTHING);
    });
  }

  it('leaves what it makes in a directory that others cannot enter, and takes none of somebody else’s', async () => {
    const twin: Twin = { title: '', image: 'host', flags: ['--net', 'none'], shared: [], expected: [] };
    const env = environment(twin);
    const script = printed(await box.hutch(['plan', 'run', '--format', 'bash', ...words(twin)], { env }));
    const [place = ''] = /\/\S+\/hutch-plan-[0-9a-f]{12}/u.exec(script) ?? [];
    await runScript(script);
    assert.equal(statSync(place).mode & 0o777, 0o700);
    const foreign = await runScript(script.replaceAll(place, '/usr'));
    assert.deepEqual([foreign.code, foreign.stdout], [125, '']);
    assert.match(foreign.stderr, /failed at .*: \[ -O \/usr \]\n/u);
  });

  it('is a comparison that sees another request', { skip: skipBusybox }, async () => {
    const twin: Twin = { title: '', image: BUSYBOX, flags: ['--net', 'none'], shared: [], expected: FILTER };
    const [run, script] = [await byRun(twin), await byScript({ ...twin, flags: [...twin.flags, '--read-only'] })];
    assert.notDeepEqual(settle(differencesOf(run, script), twin.expected), NOTHING);
  });
});
