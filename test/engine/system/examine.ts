/** Runs the doctor in a process of its own, in circumstances that a test arranges; test process. */

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Finding, HealthReport } from '../../../src/engine/system/doctor.ts';
import { ordinaryUser } from '../../helpers/ordinary-user.ts';

const PROGRAM = path.join(import.meta.dirname, 'print-report.ts');

export interface Circumstances {
  /** Shell commands that arrange something in a mount namespace of the doctor's own; needs root. */
  readonly arrange?: string;
  /** Words before the doctor's own command line. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What the doctor finds as an ordinary user. */
export async function examine({ arrange, through = [], env = {} }: Circumstances = {}): Promise<HealthReport> {
  const node = [process.execPath, PROGRAM];
  const asUser = [...becomeOrdinary(), ...through, ...node];
  const argv =
    arrange === undefined ? asUser : ['unshare', '--mount', 'sh', '-ec', `${arrange}\nexec "$@"`, 'arrange', ...asUser];
  const [file = '', ...args] = argv;
  const { stdout } = await promisify(execFile)(file, args, {
    env: { PATH: process.env['PATH'], HOME: '/', ...env },
    cwd: '/',
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout) as HealthReport;
}

function becomeOrdinary(): string[] {
  const user = ordinaryUser();
  if (process.getuid?.() !== 0 || user === undefined) return [];
  return ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
}

/** The finding with this id; throws when there is none. */
export function findingIn(report: HealthReport, id: string): Finding {
  const finding = report.findings.find((candidate) => candidate.id === id);
  if (finding === undefined) throw new Error(`no finding ${id}`);
  return finding;
}
