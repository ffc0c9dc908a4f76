/** `hutch ps`: filters, columns, formats, order; and labels, by which containers are found again. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { identifyProcess } from '../../src/host/process-identity.ts';
import { idOf, recordOf, storeContainer, storeIn } from '../helpers/stored-containers.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { assertRefused, hostSkip, makeSandbox, printed, type Outcome } from './sandbox.ts';

const minute = (number: number): string => `2026-01-01T00:0${String(number)}:00.000Z`;
const PORT = { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80 } as const;
const ENDED = { status: 'exited', startedAt: minute(5), finishedAt: minute(6) } as const;

describe('hutch ps', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const names = async (...flags: readonly string[]): Promise<string> =>
    printed(await box.hutch(['ps', '--format', '{{.Names}}', ...flags])).trim();

  before(async () => {
    const store = storeIn(box.data, box.run);
    const image = { reference: 'box:1', id: `sha256:${'b'.repeat(64)}`, layers: [] };
    const self = identifyProcess(process.pid) ?? null;
    await storeContainer(store, recordOf(idOf(1), { name: 'made', createdAt: minute(1), labels: { a: '1', b: '2' } }));
    await storeContainer(
      store,
      recordOf(idOf(2), {
        name: 'done',
        createdAt: minute(2),
        image,
        labels: { a: '1' },
        command: ['x'.repeat(40)],
        ports: [PORT],
      }),
      { ...ENDED, exitCode: 0 },
      { network: 'host', mounts: [{ type: 'bind', source: '/srv/data', destination: '/data', options: [] }] },
    );
    await storeContainer(store, recordOf(idOf(3), { name: 'failed', createdAt: minute(3) }), { ...ENDED, exitCode: 3 });
    // The test process stands for the monitor that a running container has.
    await storeContainer(
      store,
      recordOf(idOf(4), {
        name: 'up',
        createdAt: minute(4),
        restart: { name: 'always', limit: null },
        exposed: ['53/udp', '8000-8009', 'not a port'],
      }),
      { status: 'running', monitor: self, init: self, startedAt: minute(5) },
    );
  });

  it('shows what runs, with -a all, with -l the newest, with -n some of the newest, newest first', async () => {
    assert.equal(await names(), 'up');
    assert.equal(await names('-a'), 'up\nfailed\ndone\nmade');
    assert.equal(await names('-l'), 'up');
    assert.equal(await names('-n', '2'), 'up\nfailed');
    assert.equal(await names('-n2'), 'up\nfailed');
    assertRefused(await box.hutch(['ps', '-n', 'many']), /^hutch: invalid value "many" for --last/u);
  });

  it('has the columns of docker, and no heading when none is wanted', async () => {
    const [heading = '', ...rows] = printed(await box.hutch(['ps', '-a'])).split('\n');
    assert.deepEqual(heading.split(/ {2,}/u), 'CONTAINER ID,IMAGE,COMMAND,CREATED,STATUS,PORTS,NAMES'.split(','));
    assert.match(rows[2] ?? '', /^00000002ffff +box:1 +x{29}… +.+ ago +Exited \(0\) .+ ago +done$/u);
    const bare = printed(await box.hutch(['ps', '-a', '--noheading', '--no-trunc'])).split('\n');
    assert.match(bare[2] ?? '', new RegExp(`^${idOf(2)} +box:1 +x{40} `, 'u'));
    assert.equal(printed(await box.hutch(['ps', '-aq', '--no-trunc', '-f', 'name=made'])), `${idOf(1)}\n`);
    assert.equal(printed(await box.hutch(['container', 'ls', '-q'])), '00000004ffff\n');
  });

  const filtered: readonly (readonly [string, readonly string[]])[] = [
    ['made', ['id=00000001']],
    ['failed', ['name=ail']],
    ['failed\ndone', ['name=^failed$', 'name=^/done$']],
    ['done\nmade', ['label=a']],
    ['made', ['label=a=1', 'label=b']],
    ['up\nfailed\nmade', ['label!=b=1', 'ancestor=host']],
    ['failed\ndone', ['status=exited']],
    ['failed\ndone\nmade', ['status=exited', 'status=created']],
    ['failed', ['exited=3']],
    ['done', ['ancestor=box:1']],
    ['done', [`ancestor=${'b'.repeat(12)}`]],
    ['done\nmade', ['before=failed']],
    ['up\nfailed', ['since=done']],
    ['failed\ndone\nmade', ['until=2026-01-01T00:03:30Z']],
    ['done', ['volume=/srv/data']],
    ['done', ['volume=/data', 'network=host']],
    ['', ['volume=/data', 'network=none']],
    ['up', ['restart-policy=always']],
    ['done', ['publish=80']],
    ['done', ['publish=79-81/tcp', 'publish=7']],
    ['', ['publish=8080']],
    ['', ['publish=80/udp']],
    ['up', ['expose=53/udp']],
    ['up', ['expose=8005-9000']],
    ['done', ['expose=80']],
    ['up\ndone', ['expose=80', 'expose=8000']],
    ['', ['expose=53', 'expose=8010/tcp']],
    ['done', ['command=^x+$']],
    ['up\nfailed\ndone\nmade', ['name=']],
  ];
  for (const [expected, words] of filtered) {
    it(`--filter ${words.join(' --filter ')} finds ${JSON.stringify(expected)}`, async () => {
      assert.equal(await names('-a', ...words.flatMap((word) => ['--filter', word])), expected);
    });
  }

  it('shows containers that do not run when their status is asked for, without -a', async () => {
    assert.equal(await names('-f', 'status=exited'), 'failed\ndone');
    assert.equal(await names('-f', 'label=a'), '', 'another filter does not');
  });

  it('refuses a filter that it does not know, and names what it knows', async () => {
    for (const word of [
      'colour=red',
      'status=asleep',
      'status',
      '=x',
      'exited=no',
      'name=(',
      'until=soon',
      'publish=x',
      'publish=9-8',
      'expose=80/x',
      'expose=70000',
    ]) {
      assertRefused(await box.hutch(['ps', '--filter', word]), /^hutch: --filter ".*" is not known\n/u);
    }
    assertRefused(await box.hutch(['ps', '--filter', 'before=nobody']), /^hutch: there is no container "nobody"/u);
  });

  it('sorts by what podman sorts by', async () => {
    assert.equal(await names('-a', '--sort', 'names'), 'done\nfailed\nmade\nup');
    assert.equal(await names('-a', '--sort', 'created'), 'made\ndone\nfailed\nup');
    assert.equal(await names('-a', '--sort', 'status'), 'made\nfailed\ndone\nup');
    assertRefused(await box.hutch(['ps', '--sort', 'luck']), /^hutch: invalid value "luck" for --sort/u);
  });

  it('fills templates with the fields of docker, methods among them', async () => {
    const format =
      '{{.ID}}|{{.Image}}|{{.State}}|{{.Labels}}|{{.Label "a"}}|{{.Label "z"}}|{{.Mounts}}|{{.Networks}}|{{.Ports}}|{{.ExitCode}}';
    assert.equal(
      printed(await box.hutch(['ps', '-a', '-f', 'name=done', '--format', format])),
      '00000002ffff|box:1|exited|a=1|1||/srv/data|host||0\n',
    );
    assert.match(
      printed(await box.hutch(['ps', '-a', '-f', 'name=done', '--format', 'table {{.Names}}\\t{{.RunningFor}}'])),
      /^NAMES +CREATED\ndone +.+ ago\n$/u,
    );
    assert.match(
      printed(
        await box.hutch(['ps', '-a', '-f', 'name=done', '--format', 'table {{.Label "a"}}\\t{{.Label "x.some-key"}}']),
      ),
      /^a {3}some key\n1\n$/u,
    );
    assert.equal(
      printed(await box.hutch(['ps', '-l', '--format', '{{.CreatedAt}}'])),
      '2026-01-01 00:04:00 +0000 UTC\n',
    );
    assert.doesNotMatch(printed(await box.hutch(['ps', '-l', '--format', '{{.}}'])), /undefined/u);
    const line = JSON.parse(printed(await box.hutch(['ps', '-l', '--format', '{{json .}}']))) as { Names: string };
    assert.equal(line.Names, 'up');
    assertRefused(await box.hutch(['ps', '--format', '{{.Nmaes}}']), /^hutch: .*there is no field \.Nmaes/u);
  });

  it('gives JSON with whole ids, lists and maps', async () => {
    const [row] = JSON.parse(printed(await box.hutch(['ps', '-a', '-f', 'name=done', '--format', 'json']))) as object[];
    assert.partialDeepStrictEqual(row, {
      ID: idOf(2),
      Names: 'done',
      State: 'exited',
      ExitCode: 0,
      CreatedAt: minute(2),
      Labels: { a: '1' },
      Mounts: ['/srv/data'],
      Networks: ['host'],
    });
    assert.deepEqual(JSON.parse(printed(await box.hutch(['ps', '-f', 'name=none', '--format', 'json']))), []);
  });

  it('lists the others when one record is damaged, and says so', async () => {
    writeFileSync(path.join(box.data, 'containers', idOf(3), 'container.json'), '{"id":');
    const { code, stdout, stderr } = await box.hutch(['ps', '-a', '--format', '{{.Names}}']);
    assert.deepEqual([code, stdout], [0, 'up\ndone\nmade\n']);
    assert.match(stderr, /^hutch: warning: a container is left out: .*container\.json is damaged[^\n]+\n$/u);
  });
});

describe('labels and sizes of containers', { skip: hostSkip() || busyboxSkip() }, () => {
  const box = makeSandbox();

  it('come from the image, a file and flags, and are found by filters', async () => {
    const file = box.file('labels', '# of the file\nfrom=file\nboth=file\n\n');
    const flags = ['--label-file', file, '-l', 'both=flag', '--label', 'bare'];
    printed(await box.hutch(['create', '--name', 'told', '--net', 'none', ...flags, 'host', 'sh', '-c', 'true']));
    const labels = printed(await box.hutch(['ps', '-a', '--format', '{{json .Labels}}{{.Command}}']));
    assert.equal(labels, '"from=file,both=flag,bare="sh -c true\n');
    assert.equal(printed(await box.hutch(['ps', '-aq', '-f', 'label=both=flag', '-f', 'label=bare'])).length, 13);
    assert.equal(printed(await box.hutch(['ps', '-aq', '-f', 'label=both=file'])), '');
    for (const bad of [
      ['-l', '=x'],
      ['--label-file', '/does/not/exist'],
    ] as const) {
      assertRefused(await box.hutch(['create', ...bad, 'host', 'true']), /--label/u);
    }
  });

  it('are inherited from the image; an image that was built on another one has that as ancestor', async () => {
    const archive = box.file('busybox.tar', busyboxArchive());
    printed(await box.hutch(['image', 'import', '-q', '-c', 'LABEL of=image kept=yes', archive, 'base:1']));
    const flags = ['--net', 'none', '-l', 'of=flag'];
    printed(await box.hutch(['run', '--name', 'first', ...flags, 'base:1', 'touch', '/new']));
    printed(await box.hutch(['commit', '-q', 'first', 'built:1']));
    printed(await box.hutch(['create', '--name', 'second', '--net', 'none', 'built:1', 'true']));
    const label = '{{.Label "of"}} {{.Label "kept"}}';
    assert.equal(printed(await box.hutch(['ps', '-a', '-f', 'name=first', '--format', label])), 'flag yes\n');
    assert.equal(printed(await box.hutch(['ps', '-a', '-f', 'name=second', '--format', '{{.Label "kept"}}'])), 'yes\n');
    const found = (...filters: readonly string[]): Promise<Outcome> =>
      box.hutch(['ps', '-a', '--format', '{{.Names}}', ...filters.flatMap((word) => ['-f', word])]);
    assert.equal(printed(await found('ancestor=base:1')), 'second\nfirst\n');
    assert.equal(printed(await found('ancestor=built:1')), 'second\n');
    assert.equal(printed(await found('ancestor=base')), '', 'which means base:latest');
    printed(await box.hutch(['rm', 'first', 'second']));
  });

  it('size: what a container has written counts', async () => {
    const script = 'head -c 3000000 /dev/zero >/var/tmp/file';
    printed(await box.hutch(['run', '--name', 'big', '--net', 'none', 'host', 'sh', '-c', script]));
    const [row] = JSON.parse(
      printed(await box.hutch(['ps', '-as', '-f', 'name=big', '--format', 'json'])),
    ) as readonly { readonly Size: number }[];
    assert.ok((row?.Size ?? 0) >= 3_000_000, String(row?.Size));
    assert.match(printed(await box.hutch(['ps', '-as'])), /SIZE\n[^]*3(?:\.\d+)?MB \(virtual 3(?:\.\d+)?MB\)/u);
    printed(await box.hutch(['rm', 'big', 'told']));
  });
});
