/** `hutch check`: runs in the CLI process. */
import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import type { CheckedLeftover } from '../src/engine/system/check-leftovers.ts';

const EXIT_FOUND = 1;

export default class Check extends HutchCommand {
  static override description =
    'Looks for what a crash has left: half-made containers and images, files and locks of dead processes, layers that nothing needs, cgroups of dead containers, names that point nowhere, records that say running where nothing runs, damaged records of networks, containers on networks that are gone. What others are just making is none of it. Ends with 1 when something is found, or with --repair when something stays.';
  static override examples = ['<%= config.bin %> check', '<%= config.bin %> check --repair'];
  static override flags = {
    repair: Flags.boolean({ description: 'mend what is found' }),
    json: Flags.boolean({ description: 'print what is found as JSON' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Check);
    const { checkLeftovers } = await import('../src/engine/system/check-leftovers.ts');
    const found = await checkLeftovers({ repair: flags.repair });
    if (flags.json) this.print(JSON.stringify(found, undefined, 2));
    else for (const line of linesOf(found)) this.print(line);
    return found.every(({ outcome }) => outcome === 'mended') ? EXIT_OK : EXIT_FOUND;
  }
}

function linesOf(found: readonly CheckedLeftover[]): string[] {
  if (found.length === 0) return ['Nothing is left over.'];
  const open = found.filter(({ outcome }) => outcome === 'open').length;
  return [
    ...found.flatMap(describe),
    ...(open === 0 ? [] : ['', `${String(open)} found; hutch check --repair mends.`]),
  ];
}

const MARKS = { open: 'found', mended: 'mended', kept: 'stays' } as const;

function describe({ kind, place, text, outcome, reason }: CheckedLeftover): string[] {
  const line = `${MARKS[outcome].padEnd(6)}  ${kind}: ${text}`;
  return [line, `        ${place}`, ...(reason === null ? [] : [`        ${reason}`])];
}
