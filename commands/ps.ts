/** `hutch ps`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { healthText, listContainers, type ListedContainer } from '../src/engine/container/list-containers.ts';

export default class Ps extends HutchCommand {
  static override description =
    'Lists containers that run, or all of them. What is shown is checked against the living processes at each call.';
  static override examples = ['<%= config.bin %> ps -a', "<%= config.bin %> ps -a --format '{{.Names}}'"];
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'also those that have ended' }),
    quiet: Flags.boolean({ char: 'q', description: 'print ids only' }),
    'no-trunc': Flags.boolean({ description: 'do not shorten ids and commands' }),
    format: Flags.string({ description: 'json, or a Go template such as {{.Names}}' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Ps);
    const listed = listContainers({ all: flags.all });
    const idOf = ({ record }: ListedContainer): string => (flags['no-trunc'] ? record.id : record.id.slice(0, 12));
    if (flags.quiet) {
      for (const container of listed) this.print(idOf(container));
      return EXIT_OK;
    }
    const [{ formatRows }, { humanSince }] = await Promise.all([
      import('../src/cli/format/format-rows.ts'),
      import('../src/cli/format/human.ts'),
    ]);
    const rows = listed.map((container) => rowOf(container, idOf(container), flags['no-trunc'], humanSince));
    const lines = formatRows(rows, { columns: COLUMNS, format: flags.format, hasHeader: true });
    if (lines !== '') this.print(lines.trimEnd());
    return EXIT_OK;
  }
}

type Since = (moment: string) => string;
type Row = ReturnType<typeof rowOf>;

const COLUMNS = [
  { name: 'ID', header: 'CONTAINER ID', text: (row: Row) => row.ID },
  { name: 'Image', header: 'IMAGE', text: (row: Row) => row.Image },
  { name: 'Command', header: 'COMMAND', text: (row: Row) => row.Command },
  { name: 'Created', header: 'CREATED', text: (row: Row) => row.Created },
  { name: 'Status', header: 'STATUS', text: (row: Row) => row.Status },
  { name: 'Names', header: 'NAMES', text: (row: Row) => row.Names },
];

function rowOf({ record, state }: ListedContainer, id: string, whole: boolean, since: Since) {
  const command = record.command.join(' ');
  return {
    ID: id,
    Image: record.image.reference,
    Command: whole || command.length <= 30 ? command : `${command.slice(0, 29)}…`,
    Created: since(record.createdAt),
    CreatedAt: record.createdAt,
    Status: statusText(state, since),
    State: state.status,
    Names: record.name,
  };
}

function statusText(state: ListedContainer['state'], since: Since): string {
  const { status, exitCode, startedAt, finishedAt } = state;
  const code = String(exitCode ?? 0);
  const when = finishedAt === null ? '' : ` ${since(finishedAt)}`;
  const up = startedAt === null ? 'Up' : `Up ${since(startedAt).replace(/ ago$/u, '')}`;
  switch (status) {
    case 'running':
      return `${up}${healthText(state.health)}`;
    case 'paused':
      return `${up} (Paused)`;
    case 'restarting':
      return `Restarting (${code})${when}`;
    case 'exited':
      return `Exited (${code})${when}${state.reason === null ? '' : ` (${state.reason})`}`;
    case 'removing':
      return 'Removing';
    case 'created':
      return 'Created';
  }
}
