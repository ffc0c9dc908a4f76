/** `hutch images`: runs in the CLI process. */

import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { listImageIds, type ImageDetails } from '../src/engine/image/list-images.ts';

const SHORT_ID = 12;
const NONE = '<none>';

export default class Images extends HutchCommand {
  static override summary = 'List images';
  static override description = 'The built-in image "host" is listed with --all only: it is always there.';
  static override examples = [
    '<%= config.bin %> images -q',
    "<%= config.bin %> images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
    '<%= config.bin %> images --filter reference=quay.io/team/* --filter until=720h',
  ];
  static override args = {
    name: Args.string({ description: 'only images of this name (REPOSITORY[:TAG], * and ? allowed)' }),
  };
  static override flags = {
    quiet: Flags.boolean({ char: 'q', description: 'print ids only' }),
    all: Flags.boolean({ char: 'a', description: 'list the built-in image, too' }),
    digests: Flags.boolean({ description: 'show the digests of manifests' }),
    'no-trunc': Flags.boolean({ description: 'show ids in full' }),
    noheading: Flags.boolean({ char: 'n', description: 'leave out the line of headings' }),
    sort: Flags.string({ description: 'created (newest first), id, repository, size or tag' }),
    filter: Flags.string({
      char: 'f',
      multiple: true,
      description:
        'reference=PATTERN, label=KEY[=VALUE], label!=…, dangling=true, before=IMAGE, since=IMAGE, until=24h, id=, digest= or containers=true',
    }),
    format: Flags.string({ description: 'json, or a Go template such as {{.Repository}}:{{.Tag}}' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Images);
    const options = { name: args.name, filters: flags.filter, sort: flags.sort };
    const id = (full: string): string => (flags['no-trunc'] ? full : full.replace(/^sha256:/u, '').slice(0, SHORT_ID));
    if (flags.quiet) {
      for (const full of listImageIds(options)) this.print(id(full));
      return EXIT_OK;
    }
    const { listImagesInFull, HOST_ROW } = await import('../src/engine/image/list-images.ts');
    const { formatRows } = await import('../src/cli/format/format-rows.ts');
    const { createdColumns } = await import('../src/cli/format/created-columns.ts');
    const { humanSince, humanSize } = await import('../src/cli/format/human.ts');
    const images = listImagesInFull(options);
    for (const { damage } of images) if (damage !== null) this.warn(damage);
    const host: ImageDetails = {
      ...HOST_ROW,
      id: HOST_ROW.id as ImageDetails['id'],
      manifestDigest: '' as ImageDetails['manifestDigest'],
      damage: null,
      created: null,
      sizeBytes: 0,
      labels: {},
    };
    const text = formatRows(flags.all ? [...images, host] : images, {
      format: flags.format,
      hasHeader: !flags.noheading,
      json: (image) => jsonOf(image, images),
      columns: [
        { name: 'Repository', header: 'REPOSITORY', text: (image) => image.repository ?? NONE },
        { name: 'Tag', header: 'TAG', text: (image) => image.tag ?? NONE },
        { name: 'Digest', header: 'DIGEST', text: (image) => image.manifestDigest || NONE, isShown: flags.digests },
        { name: 'ID', header: 'IMAGE ID', text: (image) => id(image.id) },
        ...createdColumns<ImageDetails>(humanSince),
        { name: 'Size', header: 'SIZE', text: (image) => humanSize(image.sizeBytes) },
      ],
    });
    if (text !== '') this.printForeign(text);
    return EXIT_OK;
  }
}

/** An image in the words of `podman images --format json`, and its name and tag as docker has them. Sizes in bytes. */
function jsonOf(image: ImageDetails, all: readonly ImageDetails[]): object {
  const same = all.filter(({ manifestDigest }) => manifestDigest === image.manifestDigest);
  const names = same.filter(({ repository }) => repository !== null);
  const repositories = new Set(names.map(({ repository }) => repository));
  return {
    Id: image.id,
    Repository: image.repository ?? NONE,
    Tag: image.tag ?? NONE,
    Names: names.map(({ repository, tag }) => (tag === null ? repository : `${repository ?? ''}:${tag}`)),
    Digest: image.manifestDigest,
    RepoDigests: [...repositories].map((repository) => `${repository ?? ''}@${image.manifestDigest}`),
    Created: image.created === null ? null : Math.floor(Date.parse(image.created) / 1000),
    CreatedAt: image.created,
    Size: image.sizeBytes,
    VirtualSize: image.sizeBytes,
    Labels: image.labels,
    Dangling: image.repository === null,
    ReadOnly: false,
    Damage: image.damage,
  };
}
