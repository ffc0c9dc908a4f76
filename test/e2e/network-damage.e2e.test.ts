/** Records of networks that are damaged, and containers on networks that are gone: what `check` says, and that everything else goes on. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

interface Found {
  readonly kind: string;
  readonly place: string;
  readonly text: string;
  readonly outcome: string;
  readonly reason: string | null;
}

describe('networks with damage', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const hutch = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();
  const fileOf = (name: string): string => path.join(box.data, 'networks', `${name}.json`);
  const check = async (code: number, ...flags: readonly string[]): Promise<readonly Found[]> =>
    JSON.parse(printed(await box.hutch(['check', '--json', ...flags]), code)) as Found[];
  /** Finds exactly this, with and without --repair, and leaves it to the user. */
  const finds = async (text: RegExp, remedy: RegExp): Promise<void> => {
    for (const [flags, outcome] of [[[], 'open'] as const, [['--repair'], 'kept'] as const]) {
      const found = await check(1, ...flags);
      assert.deepEqual(
        found.map((one) => [one.kind, one.outcome]),
        [['damage', outcome]],
      );
      assert.match(found[0]?.text ?? '', text);
      assert.match(found[0]?.reason ?? '', remedy);
    }
  };

  before(async () => {
    for (const name of ['web', 'sound']) await hutch('network', 'create', name);
    await hutch('create', '--net', 'web', '--name', 'on-web', 'host', 'true');
    assert.deepEqual(await check(0), [], 'control');
  });

  for (const [kind, content] of [
    ['that is no JSON', '{"id":'],
    ['of the wrong shape', '{"id":7}'],
  ] as const)
    it(`go on beside a record ${kind}, which is named with its remedy`, async () => {
      const whole = readFileSync(fileOf('web'), 'utf8');
      writeFileSync(fileOf('web'), content);
      const ls = await box.hutch(['network', 'ls', '--format', '{{.Name}}']);
      assert.deepEqual([ls.code, ls.stdout], [0, 'sound\n']);
      assert.match(
        ls.stderr,
        /^hutch: warning: a network is left out: the record of network "web" is damaged: \S+web\.json: .*\n$/u,
      );
      assert.equal(await hutch('ps', '-a', '--format', '{{.Names}} {{.Networks}}'), 'on-web web');
      assert.equal(await hutch('ps', '-a', '-q', '--filter', 'network=sound'), '');
      assert.equal(
        await hutch('inspect', '-f', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}', 'on-web'),
        'web',
      );
      await hutch('create', '--rm', '--net', 'sound', '--name', 'other', 'host', 'true');
      await hutch('rm', 'other');
      assert.equal(await hutch('run', '--rm', '--net', 'none', 'host', 'echo', 'runs'), 'runs');
      for (const argv of [
        ['create', '--net', 'web', 'host', 'true'],
        ['run', '--rm', '--net', 'web', 'host', 'true'],
        ['start', 'on-web'],
        ['network', 'inspect', 'web'],
        ['network', 'create', 'third'],
        ['network', 'connect', 'web', 'on-web'],
      ]) {
        const { code, stderr } = await box.hutch(argv);
        assert.match(stderr, /^hutch: [^\n]*\S+web\.json: [^\n]+\n(?: {2}[a-z]+: [^\n]+\n)*$/u, argv.join(' '));
        assert.match(stderr, /fix: restore that file from a backup; or remove the network/u);
        assert.notEqual(code, 0);
      }
      await finds(/the record of network "web" is damaged/u, /hutch network rm web/u);
      assert.equal(readFileSync(fileOf('web'), 'utf8'), content, 'a repair does not guess');
      writeFileSync(fileOf('web'), whole);
      assert.deepEqual(await check(0), []);
    });

  it('are removed by their name, but not below their containers', async () => {
    const whole = readFileSync(fileOf('web'), 'utf8');
    writeFileSync(fileOf('web'), '');
    assertRefused(await box.hutch(['network', 'rm', 'web']), /^hutch: network "web" is in use by: on-web\n/u);
    await hutch('network', 'disconnect', 'web', 'on-web');
    await hutch('network', 'rm', 'web');
    assert.equal(existsSync(fileOf('web')), false);
    writeFileSync(fileOf('web'), whole);
    await hutch('network', 'connect', 'web', 'on-web');
  });

  it('are found where two have addresses in common, or one is that of another', async () => {
    const record = JSON.parse(readFileSync(fileOf('web'), 'utf8')) as { subnet: string };
    writeFileSync(fileOf('twin'), JSON.stringify({ ...record, name: 'twin', id: 'e'.repeat(64) }));
    await finds(/"twin" and "web" have addresses in common: \S+ and \S+/u, /hutch network rm web/u);
    const ipv6 = { subnet: 'fd01::/64', gateway: 'fd01::1' };
    const elsewhere = { name: 'twin', id: 'e'.repeat(64), subnet: '10.201.9.0/24', gateway: '10.201.9.1', ipv6 };
    writeFileSync(fileOf('twin'), JSON.stringify({ ...record, ...elsewhere }));
    assert.deepEqual(await check(0), [], 'control');
    writeFileSync(fileOf('web'), JSON.stringify({ ...record, ipv6 }));
    await finds(/have addresses in common: fd01::\/64 and fd01::\/64/u, /hutch network rm web/u);
    writeFileSync(fileOf('web'), JSON.stringify(record));
    writeFileSync(fileOf('twin'), JSON.stringify(record));
    await finds(/network "twin" is damaged: .* it is that of network "web"/u, /hutch network rm twin/u);
    await hutch('network', 'rm', 'twin');
    writeFileSync(path.join(box.data, 'networks/notes.txt'), '');
    await finds(/among the records of networks that is none/u, /move it away/u);
    rmSync(path.join(box.data, 'networks/notes.txt'));
    assert.deepEqual(await check(0), []);
  });

  it('are found where a container is on one that is gone, and it can be taken off that', async () => {
    rmSync(fileOf('web'));
    await finds(
      /container "on-web" is on network "web", which is gone/u,
      /hutch network create web.*hutch network disconnect web on-web/u,
    );
    const { stderr } = await box.hutch(['start', 'on-web']);
    assert.match(stderr, /there is no network "web"[^\n]*\n(?: {2}[a-z]+: [^\n]+\n)*$/u);
    await hutch('network', 'disconnect', 'web', 'on-web');
    assert.deepEqual(await check(0), []);
  });
});
