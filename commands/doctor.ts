/** `hutch doctor`: runs in the CLI process. */

import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_HUTCH, EXIT_OK } from '../src/errors/exit-codes.ts';
import type { Finding, HealthReport } from '../src/engine/system/doctor.ts';

export default class Doctor extends HutchCommand {
  static override description =
    'Tries, rather than reads about, everything that `hutch run` builds on. The exit code is 0 when `hutch run` would work; warnings are allowed.';
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --json',
    '<%= config.bin %> doctor -q',
  ];
  static override flags = {
    json: Flags.boolean({ description: 'print all that was measured as JSON' }),
    quiet: Flags.boolean({ char: 'q', description: 'print only the ids of the checks that fail' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Doctor);
    const { examineHost } = await import('../src/engine/system/doctor.ts');
    const report = await examineHost();
    for (const line of linesOf(report, flags)) this.print(line);
    return report.willRun ? EXIT_OK : EXIT_HUTCH;
  }
}

function linesOf(report: HealthReport, flags: { readonly json: boolean; readonly quiet: boolean }): readonly string[] {
  if (flags.json) return [JSON.stringify(report, undefined, 2)];
  const { findings } = report;
  if (flags.quiet) return findings.filter(({ status }) => status === 'fail').map(({ id }) => id);
  return [
    ...findings.flatMap(describe),
    ...fixesBy(findings, 'you', 'You can do:'),
    ...fixesBy(findings, 'admin', 'Your admin can do, as root:'),
    '',
    verdict(report),
  ];
}

function describe({ status, title, detail, cause }: Finding): string[] {
  const line = `${status.padEnd(4)}  ${title}: ${indent(detail, 6)}`;
  return cause === null ? [line] : [line, `      because ${indent(cause, 6)}`];
}

function fixesBy(findings: readonly Finding[], who: 'you' | 'admin', heading: string): string[] {
  const lines = findings.flatMap(({ title, fix }) => {
    const texts = fix.filter((candidate) => candidate.who === who).map(({ text }) => `    ${indent(text, 4)}`);
    return texts.length === 0 ? [] : [`  ${title}:`, ...texts];
  });
  return lines.length === 0 ? [] : ['', heading, ...lines];
}

function indent(text: string, columns: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(columns)}`);
}

function verdict({ willRun, findings }: HealthReport): string {
  if (willRun) return '`hutch run` works here.';
  const failed = findings.filter(({ status }) => status === 'fail').map(({ title }) => title);
  return `\`hutch run\` does not work here: ${failed.join(', ')}.`;
}
