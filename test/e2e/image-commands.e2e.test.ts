/** The commands that show, name and remove images, as scripts written for docker and podman use them. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { buildTar } from '../helpers/tar-builder.ts';
import { assertRefused, HUTCH, idsSkip, makeSandbox, outcomeOf, printed } from './sandbox.ts';

const skip = await idsSkip();
const EVIL = 'red\u001b[31m';

describe('the commands for images', { skip }, () => {
  const box = makeSandbox();
  const epoch = { env: { SOURCE_DATE_EPOCH: '1700000000' } };
  const archive = box.file('small.tar', buildTar([{ name: 'file', content: 'x'.repeat(5000) }]));
  const list = async (...flags: readonly string[]): Promise<string[]> =>
    printed(await box.hutch(['images', ...flags]))
      .split('\n')
      .filter(Boolean);
  let id = '';

  before(async () => {
    const change = ['-c', 'LABEL kind=base', '-c', 'USER 7', '-c', 'ENV A=1'];
    const words = ['import', '-q', ...change, '-m', EVIL, archive, 'team/one:1'];
    id = printed(await box.hutch(words, epoch)).trimEnd();
    printed(await box.hutch(['tag', 'team/one:1', 'two', 'quay.io/team/three:3']));
  });

  it('images prints what docker and podman print', async () => {
    const short = id.slice('sha256:'.length, 'sha256:'.length + 12);
    const [heading = '', ...rows] = await list('--sort', 'repository');
    assert.match(heading, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/u);
    assert.deepEqual(
      rows.map((row) => row.split(/ {2,}/u).slice(0, 3)),
      [
        ['quay.io/team/three', '3', short],
        ['team/one', '1', short],
        ['two', 'latest', short],
      ],
    );
    assert.deepEqual(await list('-n', '--sort', 'repository'), rows);
    assert.deepEqual(await list('-q'), [short]);
    assert.deepEqual(await list('-q', '--no-trunc', '-f', 'label=kind=base'), [id]);
    assert.deepEqual(await list('--format', '{{.Repository}}:{{.Tag}}', 'team/one'), ['team/one:1']);
    assert.deepEqual(await list('--format', 'table {{.ID}}\\t{{.Tag}}', 'two'), [
      'IMAGE ID       TAG',
      `${short}   latest`,
    ]);
    const template = '{{.CreatedAt}}|{{.Created}}|{{.Size}}|{{.Id}}|{{.Names}}|{{json .Labels}}';
    const [line = ''] = await list('--format', template, 'two');
    assert.match(
      line,
      /^2023-11-14 22:13:20 \+0000 UTC\|\d+ (?:month|year)s? ago\|5kB\|sha256:\w{64}\|\[.*two:latest.*\]\|\{"kind":"base"\}$/u,
    );
  });

  it('images --format json is one list with the keys of podman', async () => {
    const images = JSON.parse((await list('--format', 'json', 'two')).join('\n')) as Record<string, unknown>[];
    assert.equal(images.length, 1);
    const { Id, Names, Digest, Created, CreatedAt, Size, Labels } = images[0] ?? {};
    assert.deepEqual(
      [Id, Created, CreatedAt, Size, Labels],
      [id, 1_700_000_000, '2023-11-14T22:13:20.000Z', 5000, { kind: 'base' }],
    );
    assert.match(String(Digest), /^sha256:/u);
    assert.ok(Array.isArray(Names) && Names.includes('two:latest'));
  });

  it('history shows sizes and times for people or for programs', async () => {
    const [heading = '', row = ''] = printed(await box.hutch(['history', 'two'])).split('\n');
    assert.match(heading, /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/u);
    assert.match(row, / ago +5kB +red/u);
    assert.match(
      printed(await box.hutch(['history', '--human=false', 'two'])),
      / 2023-11-14T22:13:20.000Z +5000 +red/u,
    );
    const [step] = JSON.parse(printed(await box.hutch(['history', '--format', 'json', 'two']))) as object[];
    assert.deepEqual(step, { id, created: '2023-11-14T22:13:20.000Z', CreatedBy: '', size: 5000, comment: EVIL });
  });

  it('image inspect shows what podman shows, and drives no terminal', async () => {
    const [image] = JSON.parse(printed(await box.hutch(['image', 'inspect', 'two']))) as Record<string, unknown>[];
    assert.deepEqual(
      [image?.['Id'], image?.['User'], image?.['Labels'], image?.['Size']],
      [id, '7', { kind: 'base' }, 5000],
    );
    assert.deepEqual((image?.['RepoTags'] as string[]).toSorted(), [
      'quay.io/team/three:3',
      'team/one:1',
      'two:latest',
    ]);
    const words = ['image', 'inspect', '-f', '{{.Comment}}', 'two'];
    // The control: a program that reads it gets what is there.
    assert.equal(printed(await box.hutch(words)), `${EVIL}\n`);
    const script = [['expect', 'u001b']];
    const child = spawn('python3', [path.join(import.meta.dirname, 'terminal.py')], {
      env: box.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdout } = await outcomeOf(child, JSON.stringify({ size: [24, 80], argv: [HUTCH, ...words], script }));
    const played = JSON.parse(stdout) as { output: string; code: number; missing: string | null };
    assert.deepEqual([played.code, played.missing, played.output.includes('\u001b')], [0, null, false]);
  });

  it('system df gives numbers to templates and JSON', async () => {
    const rows = JSON.parse(printed(await box.hutch(['system', 'df', '--format', 'json']))) as {
      Type: string;
      Size: number;
    }[];
    assert.deepEqual(
      rows.map(({ Type }) => Type),
      ['Images', 'Containers', 'Local Volumes', 'Other'],
    );
    const lines = printed(await box.hutch(['system', 'df', '--format', '{{.Type}}|{{.RawSize}}']))
      .trimEnd()
      .split('\n');
    assert.deepEqual(
      lines,
      rows.map(({ Type, Size }) => `${Type}|${String(Size)}`),
    );
    assert.match(
      printed(await box.hutch(['system', 'df', '-v'])),
      /^Images:\n[^]*\nContainers:\n[^]*\nOther:\n\nWHAT +SIZE\nShared by images/u,
    );
  });

  it('untag takes names, and the image stays', async () => {
    assertRefused(await box.hutch(['tag', 'two', 'a:0', 'A:1']), /"A:1" is not an image name/u);
    assert.deepEqual(await list('-n', 'a:0'), []);
    printed(await box.hutch(['tag', 'two', 'a:1', 'a:2', 'a:3']));
    assertRefused(await box.hutch(['untag', 'a:1', 'a:2', 'b:1']), /image a:1 has no name docker\.io\/library\/b:1/u);
    assert.equal((await list('-n', 'a')).length, 3);
    printed(await box.hutch(['untag', 'a:1', 'a:2', 'a:3']));
    assert.deepEqual(await list('--format', '{{.Tag}}', 'a'), ['1']);
    printed(await box.hutch(['rmi', '-f', 'a:1']).then(({ stdout: _, ...rest }) => ({ ...rest, stdout: '' })));
    assert.deepEqual(await list('-q', 'two'), [id.slice(7, 19)]);
  });

  it('import makes an image without a name, and for another platform', async () => {
    const made = printed(
      await box.hutch(['import', '-q', '--arch', 'arm', '--variant', 'v7', '-m', 'nameless', archive]),
    ).trimEnd();
    assert.deepEqual(await list('-q', '--no-trunc', '-f', 'dangling=true'), [made]);
    const format = '{{.Os}}/{{.Architecture}}/{{.Variant}}';
    assert.equal(printed(await box.hutch(['image', 'inspect', '-f', format, made])), 'linux/arm/v7\n');
    assertRefused(await box.hutch(['import', '--platform', 'linux/arm', '--arch', 'arm', archive]), /platform|arch/u);
    assertRefused(
      await box.hutch(['import', 'https://example.org/x.tar', 'x']),
      /archives are not fetched\n {2}fix: .*curl/u,
    );
    const pruned = printed(await box.hutch(['image', 'prune', '-f', '--filter', 'dangling=true']));
    assert.match(pruned, new RegExp(`^Deleted: ${made}\n`, 'u'));
  });

  it('save writes to what is no file, and takes the words of podman', async () => {
    printed(await box.hutch(['save', '-q', '-m', '-o', '/dev/null', 'two', 'team/one:1']));
    assertRefused(
      await box.hutch(['save', '--format', 'oci-dir', '-o', 'x', 'two']),
      /invalid value "oci-dir" for --format/u,
    );
  });

  it('login takes no user name out of the password', async () => {
    assertRefused(
      await box.hutch(['login', '--password-stdin', 'localhost:1'], { input: 'a\nb\n' }),
      /--password-stdin needs --username/u,
    );
  });

  it('rmi goes past what is not there, and removes everything with --all', async () => {
    printed(await box.hutch(['rmi', '-i', 'none:1']));
    assertRefused(await box.hutch(['rmi']), /no image is given/u);
    assertRefused(await box.hutch(['rmi', '-a', 'two']), /--all takes no names/u);
    const removed = printed(await box.hutch(['rmi', '-a']));
    assert.match(removed, /^(?:Untagged: \S+\n){3}Deleted: sha256:\w+\nDeleted: sha256:\w+\n$/u);
    assert.deepEqual(await list('-n'), []);
  });
});
