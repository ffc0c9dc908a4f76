/** `hutch system df`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { diskUsage, type DiskUsage, type UsageRow } from '../../src/engine/image/disk-usage.ts';

const NONE = '<none>';
const SHORT_ID = 12;

export default class SystemDf extends HutchCommand {
  static override summary = 'Show what takes space on disk';
  static override description =
    'Sizes are what du counts on disk; the rows together are the whole store, with -v the unique sizes (each image once), the containers and the rest. Reclaimable is what no container needs.';
  static override examples = ['<%= config.bin %> system df -v'];
  static override flags = {
    verbose: Flags.boolean({ char: 'v', description: 'show each image and each container' }),
    format: Flags.string({ description: 'json, or a Go template such as {{.Type}}: {{.Size}}' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(SystemDf);
    const usage = await diskUsage();
    if (flags.verbose && flags.format === 'json') this.print(JSON.stringify(usage, undefined, 2));
    else if (flags.verbose) this.print(await details(usage));
    else this.print(await overview(usage, flags.format));
    return EXIT_OK;
  }
}

async function overview({ rows }: DiskUsage, format: string | undefined): Promise<string> {
  const { formatRows } = await import('../../src/cli/format/format-rows.ts');
  const { humanSize } = await import('../../src/cli/format/human.ts');
  const share = (part: number, whole: number): string =>
    whole === 0 ? '' : ` (${String(Math.round((100 * part) / whole))}%)`;
  return formatRows(rows, {
    format,
    json: jsonOf,
    columns: [
      { name: 'Type', header: 'TYPE', text: ({ type }) => type },
      { name: 'TotalCount', header: 'TOTAL', text: ({ total }) => String(total) },
      { name: 'Total', header: 'TOTAL', text: ({ total }) => String(total), isShown: false },
      { name: 'Active', header: 'ACTIVE', text: ({ active }) => String(active) },
      { name: 'Size', header: 'SIZE', text: ({ sizeBytes }) => humanSize(sizeBytes) },
      {
        name: 'Reclaimable',
        header: 'RECLAIMABLE',
        text: ({ reclaimableBytes, sizeBytes }) =>
          `${humanSize(reclaimableBytes)}${share(reclaimableBytes, sizeBytes)}`,
      },
    ],
  });
}

/** A row in the words of `podman system df --format '{{json .}}'`; sizes in bytes. */
function jsonOf({ type, total, active, sizeBytes, reclaimableBytes }: UsageRow): object {
  return {
    Type: type,
    Total: total,
    TotalCount: total,
    Active: active,
    Size: sizeBytes,
    RawSize: sizeBytes,
    Reclaimable: reclaimableBytes,
    RawReclaimable: reclaimableBytes,
  };
}

async function details({ images, containers, rest }: DiskUsage): Promise<string> {
  const { formatRows } = await import('../../src/cli/format/format-rows.ts');
  const { humanSince, humanSize } = await import('../../src/cli/format/human.ts');
  const shortId = (id: string): string => id.replace(/^sha256:/u, '').slice(0, SHORT_ID);
  const imageTable = formatRows(images, {
    columns: [
      { name: 'Repository', header: 'REPOSITORY', text: ({ repository }) => repository ?? NONE },
      { name: 'Tag', header: 'TAG', text: ({ tag }) => tag ?? NONE },
      { name: 'ID', header: 'IMAGE ID', text: ({ id }) => shortId(id) },
      {
        name: 'CreatedSince',
        header: 'CREATED',
        text: ({ created }) => (created === null ? 'N/A' : humanSince(created)),
      },
      { name: 'Size', header: 'SIZE', text: ({ sharedBytes, uniqueBytes }) => humanSize(sharedBytes + uniqueBytes) },
      { name: 'SharedSize', header: 'SHARED SIZE', text: ({ sharedBytes }) => humanSize(sharedBytes) },
      { name: 'UniqueSize', header: 'UNIQUE SIZE', text: ({ uniqueBytes }) => humanSize(uniqueBytes) },
      { name: 'Containers', header: 'CONTAINERS', text: (image) => String(image.containers) },
    ],
  });
  const containerTable = formatRows(containers, {
    columns: [
      { name: 'ID', header: 'CONTAINER ID', text: ({ id }) => shortId(id) },
      { name: 'Image', header: 'IMAGE', text: ({ image }) => image },
      { name: 'Size', header: 'SIZE', text: ({ sizeBytes }) => humanSize(sizeBytes) },
      { name: 'Status', header: 'STATUS', text: ({ status }) => status },
      { name: 'Names', header: 'NAMES', text: ({ name }) => name },
    ],
  });
  const restTable = formatRows(rest, {
    columns: [
      { name: 'What', header: 'WHAT', text: ({ what }) => what },
      { name: 'Size', header: 'SIZE', text: ({ sizeBytes }) => humanSize(sizeBytes) },
    ],
  });
  return `Images:\n\n${imageTable}\n\nContainers:\n\n${containerTable}\n\nOther:\n\n${restTable}`;
}
