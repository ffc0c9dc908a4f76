/** `hutch ps`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import type { RowOptions } from '../src/cli/container-rows.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { listContainers, type ListedContainer } from '../src/engine/container/list-containers.ts';
import { badValue } from '../src/engine/container/parse-values.ts';

export default class Ps extends HutchCommand {
  static override description =
    'Lists containers that run, or those that are asked for, newest first. What is shown is checked against the living processes at each call. --format json gives whole ids, times as RFC 3339 and sizes in bytes.';
  static override examples = [
    '<%= config.bin %> ps -a',
    "<%= config.bin %> ps -a --format '{{.Names}}'",
    '<%= config.bin %> ps -q --filter status=exited --filter label=role=web',
  ];
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'also those that have ended' }),
    quiet: Flags.boolean({ char: 'q', description: 'print ids only' }),
    latest: Flags.boolean({ char: 'l', description: 'the newest one, whatever it does' }),
    last: Flags.string({ char: 'n', description: 'so many of the newest, whatever they do' }),
    size: Flags.boolean({ char: 's', description: 'what each has written, and with its image' }),
    filter: Flags.string({
      char: 'f',
      multiple: true,
      description:
        'id, name, label, status, exited, ancestor, before, since, until, volume, network, health, publish, expose, command or restart-policy, as KEY=VALUE',
    }),
    sort: Flags.string({ description: 'command, created, id, image, names, runningfor, size or status' }),
    'no-trunc': Flags.boolean({ description: 'do not shorten ids and commands' }),
    noheading: Flags.boolean({ description: 'no line with the names of the columns' }),
    format: Flags.string({ description: 'json, or a Go template such as {{.Names}}' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Ps);
    const { containers, damage } = listContainers({
      all: flags.all,
      last: flags.latest ? 1 : parseLast(flags.last),
      filters: flags.filter ?? [],
    });
    for (const words of damage) this.warn(`a container is left out: ${words} (hutch check)`);
    const sizes = flags.size || flags.sort === 'size' ? await measure(containers) : undefined;
    const sorted = flags.sort === undefined ? containers : await sort(containers, flags.sort, sizes);
    const isWhole = flags['no-trunc'];
    const lines = flags.quiet
      ? sorted.map(({ record }) => (isWhole ? record.id : record.id.slice(0, 12))).join('\n')
      : await this.describe(sorted, { isWhole, sizes: flags.size ? sizes : undefined }, flags);
    if (lines !== '') this.print(lines.trimEnd());
    return EXIT_OK;
  }

  private async describe(
    containers: readonly ListedContainer[],
    options: RowOptions,
    { format, noheading }: { readonly format: string | undefined; readonly noheading: boolean },
  ): Promise<string> {
    const [{ formatRows }, { containerColumns, containerJson, containerMethods, METHOD_HEADINGS }] = await Promise.all([
      import('../src/cli/format/format-rows.ts'),
      import('../src/cli/container-rows.ts'),
    ]);
    return formatRows(containers, {
      columns: containerColumns(options),
      format,
      hasHeader: !noheading,
      json: (container) => containerJson(container, options),
      extra: containerMethods,
      extraHeading: METHOD_HEADINGS,
    });
  }
}

type Sizes = RowOptions['sizes'];

async function measure(containers: readonly ListedContainer[]): Promise<Sizes> {
  const { measureContainers } = await import('../src/engine/container/measure-containers.ts');
  return measureContainers(containers.map(({ record }) => record));
}

async function sort(containers: readonly ListedContainer[], key: string, sizes: Sizes) {
  const { sortContainers } = await import('../src/engine/container/sort-containers.ts');
  return sortContainers(containers, key, sizes);
}

/** As with docker, -1 stands for no limit. */
function parseLast(text: string | undefined): number | null {
  if (text === undefined || text === '-1') return null;
  if (!/^\d{1,9}$/u.test(text)) throw badValue('--last', text, 'a whole number, such as 5');
  return Number(text);
}
