/** Images of an attacker, through the built program: refused with one clear error, within bounded memory, and nothing is left or touched. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { busyboxArchive, busyboxSkip } from '../e2e/busybox-archive.ts';
import { descendants } from '../e2e/processes.ts';
import {
  assertRefused,
  idsSkip,
  importBusybox,
  makeSandbox,
  outcomeOf,
  printed,
  type Outcome,
} from '../e2e/sandbox.ts';
import { gzipBomb, HOSTILE_LAYERS, LYING_ARCHIVES, manyEntries } from '../helpers/hostile-images.ts';
import { ociArchive } from '../helpers/image-archive.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { inUserns, listTree } from '../helpers/userns-tree.ts';

const skip = (await idsSkip()) || busyboxSkip();
const MOST_BYTES = 256 * 2 ** 20;

describe('hostile images', { skip }, () => {
  const box = makeSandbox();
  const victim = path.join(box.directory, 'victim');
  /** The store without what is only there to lock and to resume; and all around it. */
  const look = async (): Promise<string> =>
    [await listTree(victim), await listTree(path.join(box.directory, 'home')), await inUserns(STORE, box.data)].join(
      '\n',
    );

  before(async () => {
    mkdirSync(victim);
    writeFileSync(path.join(victim, 'precious'), 'of the host');
    await importBusybox(box);
  });

  /** What `argv` must leave as it was. */
  const refused = async (argv: readonly string[], message: RegExp): Promise<void> => {
    const was = await look();
    assertRefused(await box.hutch(argv), message);
    assert.equal(await look(), was);
  };

  it('control: an honest archive made in the same way is loaded', async () => {
    const was = await look();
    const image = makeImage({ layers: [buildTar([{ name: 'file', content: 'x' }])] });
    printed(await box.hutch(['load', '-i', box.file('honest.tar', ociArchive(image, 'honest:1'))]));
    assert.notEqual(await look(), was);
    printed(await box.hutch(['rmi', 'honest:1']));
  });

  for (const { title, archive, message } of LYING_ARCHIVES)
    it(`hutch load refuses ${title}`, () => refused(['load', '-i', box.file('lie.tar', archive())], message));

  for (const { title, parts, message } of HOSTILE_LAYERS) {
    it(`hutch load and hutch image import refuse a layer with ${title}`, async () => {
      const layer = buildTar(parts);
      const archive = box.file('image.tar', ociArchive(makeImage({ layers: [busyboxArchive(), layer] }), 'bad:1'));
      await refused(['load', '-i', archive], message);
      await refused(['image', 'import', box.file('layer.tar', layer), 'bad:1'], message);
    });
  }

  it('what is written through a link to / stays in the image, set-uid files stay behind a private directory, devices stay out', async () => {
    const was = await listTree(victim);
    const layer = busyboxArchive([
      { name: 'top', flag: '2', linkName: '/' },
      { name: `top/new\nline`, content: 'inside' },
      { name: `${victim.slice(1)}/`, flag: '5', mode: 0o755 },
      { name: `top${victim}/precious`, content: 'of the image' },
      { name: '/bin/rooted', content: 'x', mode: 0o6777 },
      { name: 'sda', flag: '4' },
    ]);
    printed(await box.hutch(['image', 'import', '-q', box.file('through.tar', layer), 'through:1']));
    assert.equal(await listTree(victim), was);
    const script = `cat "/new\nline" ${victim}/precious; test -e /sda || echo none; stat -c %a /bin/rooted`;
    const argv = ['run', '--rm', '--net', 'none', 'through:1', 'sh', '-c', script];
    assert.equal(printed(await box.hutch(argv)), 'insideof the imagenone\n6777\n');
    assert.equal(statSync(box.data).mode & 0o777, 0o700);
    printed(await box.hutch(['rmi', 'through:1']));
  });

  it('a name that paints the terminal does not reach it', async () => {
    const image = makeImage({ layers: [buildTar([{ name: 'file', content: 'painted' }])] });
    const outcome = await box.hutch(['load', '-i', box.file('paint.tar', ociArchive(image, '\u001b[31mevil\n:1'))]);
    assert.match(outcome.stdout + outcome.stderr, /^(?:hutch: |Loaded image)[\u0020-\u007e\n]*$/u);
    printed(await box.hutch(['rmi', image.id]).then((rmi) => ({ ...rmi, stdout: '' })));
  });

  /** Runs hutch and watches how much memory it and its programs take, each at its peak. */
  const measured = async (argv: readonly string[], mostBytes = MOST_BYTES): Promise<Outcome> => {
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, ...descendants().map(({ pid }) => peakBytes(pid)))), 30);
    try {
      const outcome = await outcomeOf(box.start(argv));
      assert.ok(most > 2 ** 24, 'control: a process was measured');
      assert.ok(most < mostBytes, `${argv.join(' ')}: ${Math.round(most / 2 ** 20)} MiB`);
      return outcome;
    } finally {
      clearInterval(timer);
    }
  };
  const refusedInBounds = async (argv: readonly string[], message: RegExp): Promise<void> => {
    const was = await look();
    assertRefused(await measured(argv), message);
    assert.equal(await look(), was);
  };

  it('more entries than any image has are refused', async () => {
    const layer = manyEntries({ name: 'd', flag: '4' }, 2_000_001);
    await refusedInBounds(['image', 'import', box.file('many.tar.gz', layer), 'many:1'], /more than 2000000 entries/u);
  });

  it('a layer that grows without end is refused', () =>
    refusedInBounds(['image', 'import', box.file('bomb.tar.gz', gzipBomb(2 ** 32)), 'bomb:1'], /250 times/u));

  it('an archive of images that grows without end is refused', () =>
    refusedInBounds(['load', '-i', box.file('bomb.tar.gz', gzipBomb(2 ** 32))], /250 times/u));

  it('very many bytes in names of directories are not kept', async () => {
    const deep = `${'d'.repeat(249)}/`.repeat(16);
    const parts = Array.from({ length: 40_000 }, (_, index) => ({
      flag: '5',
      name: 'x',
      pax: { path: `${deep}${index}/` },
    }));
    const layer = Array.from({ length: 40 }, (_, at) =>
      gzipSync(buildTar(parts.slice(at * 1000, at * 1000 + 1000), { hasEnd: at === 39 })),
    );
    printed(await measured(['image', 'import', '-q', box.file('names.tar.gz', Buffer.concat(layer)), 'names:1'], 2e8));
    printed({ ...(await box.hutch(['rmi', 'names:1'])), stdout: '' });
  });

  it('a quarter of a million directories under one name are applied', async () => {
    const layer = manyEntries({ name: 'a/directory/with/a/name/', flag: '5' }, 250_000);
    printed(await measured(['image', 'import', '-q', box.file('many.tar.gz', layer), 'many:1']));
    printed(await box.hutch(['rmi', 'many:1']));
  });
});

const STORE = `cd "$1"; find . -path ./staging/downloads -prune -o -path ./locks -prune -o -printf '%p|%y|%m|%U|%G|%s|%l\\n' | sort; find . -name index.json -exec sha256sum {} +`;

function peakBytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
