/** `hutch top`: the processes of a running container as the host's ps(1) shows them; on the host's side. */
import { HutchError } from '../../errors/hutch-error.ts';
import { processesBeside } from '../../host/container-process.ts';
import { requireTool, runTool } from '../../host/run-tool.ts';
import { isPrivate } from '../../oci/runtime-spec.ts';
import { locateStore } from '../../state/store.ts';
import { findRunning } from './running-container.ts';

const DEFAULT_OPTIONS = ['-ef'];

export interface ContainerProcesses {
  readonly titles: readonly string[];
  /** One row for each process; the last column may hold spaces. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * The processes of the container of a name or id. `options` are those of ps(1); the columns must have PID among them. Pids are the host's.
 * CONTAINER_UNKNOWN, CONTAINER_STOPPED, USAGE_INVALID with ps's own words, HOST_TOOL_MISSING.
 */
export async function topContainer(word: string, options: readonly string[]): Promise<ContainerProcesses> {
  const container = await findRunning(locateStore(), word);
  const ps = requireTool('ps', 'list processes');
  const { code, stdout, stderr } = await runTool([ps, ...(options.length === 0 ? DEFAULT_OPTIONS : options)]);
  if (code !== 0) throw refused(options, stderr.trim().split('\n')[0] ?? '');
  // Looked up after ps has run: whoever has come meanwhile is not in its list.
  // Where the pid namespace is the host's, a container's own are those that share its mounts.
  const members = processesBeside(container.pid, isPrivate(container.spec, 'pid') ? 'pid' : 'mnt');
  const [header = '', ...lines] = stdout.trimEnd().split('\n');
  const titles = header.trim().split(/\s+/u);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn === -1) throw refused(options, 'no column PID, by which processes are told apart');
  const rows = lines.map((line) => fieldsOf(line, titles.length)).filter((row) => members.has(Number(row[pidColumn])));
  return { titles, rows };
}

/** As many fields as there are columns; the last takes the rest of the line. */
function fieldsOf(line: string, count: number): string[] {
  const fields = line.trim().split(/\s+/u);
  return fields.length <= count ? fields : [...fields.slice(0, count - 1), fields.slice(count - 1).join(' ')];
}

function refused(options: readonly string[], reason: string): HutchError {
  return new HutchError(`ps ${options.join(' ')}: ${reason}`, {
    code: 'USAGE_INVALID',
    hint: 'use options of ps(1) that show a column PID, such as -ef, aux or -o pid,user,args',
  });
}
