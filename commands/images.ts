/** `hutch images`: runs in the CLI process. */

import { EXIT_OK } from '../src/cli/exit-codes.ts';
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
  ];
  static override args = {
    name: Args.string({ description: 'only images of this name (REPOSITORY[:TAG], * and ? allowed)' }),
  };
  static override flags = {
    quiet: Flags.boolean({ char: 'q', description: 'print ids only' }),
    all: Flags.boolean({ char: 'a', description: 'list the built-in image, too' }),
    digests: Flags.boolean({ description: 'show the digests of manifests' }),
    'no-trunc': Flags.boolean({ description: 'show ids in full' }),
    filter: Flags.string({
      char: 'f',
      multiple: true,
      description: 'dangling=true, reference=PATTERN or label=KEY[=VALUE]',
    }),
    format: Flags.string({ description: 'json, or a Go template such as {{.Repository}}:{{.Tag}}' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Images);
    const options = { name: args.name, filters: flags.filter };
    const id = (full: string): string => (flags['no-trunc'] ? full : full.replace(/^sha256:/u, '').slice(0, SHORT_ID));
    if (flags.quiet) {
      for (const full of listImageIds(options)) this.print(id(full));
      return EXIT_OK;
    }
    const { listImagesInFull, HOST_ROW } = await import('../src/engine/image/list-images.ts');
    const { formatRows } = await import('../src/cli/format/format-rows.ts');
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
      columns: [
        { name: 'Repository', header: 'REPOSITORY', text: (image) => image.repository ?? NONE },
        { name: 'Tag', header: 'TAG', text: (image) => image.tag ?? NONE },
        { name: 'Digest', header: 'DIGEST', text: (image) => image.manifestDigest || NONE, isShown: flags.digests },
        { name: 'ID', header: 'IMAGE ID', text: (image) => id(image.id) },
        {
          name: 'CreatedSince',
          header: 'CREATED',
          text: (image) => (image.created === null ? 'N/A' : humanSince(image.created)),
        },
        { name: 'CreatedAt', header: 'CREATED AT', text: (image) => image.created ?? 'N/A', isShown: false },
        { name: 'Size', header: 'SIZE', text: (image) => humanSize(image.sizeBytes) },
      ],
    });
    if (text !== '') this.print(text);
    return EXIT_OK;
  }
}
