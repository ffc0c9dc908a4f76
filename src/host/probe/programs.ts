/** The host's programs that hutch builds on, asked whether they know the options it uses; on the host's side. */
import { findTool, runTool } from '../run-tool.ts';
import { you, failed, fine, type Finding, type Topic } from './finding.ts';
import { installFix } from './install-hint.ts';

export const PROGRAMS: Topic = { id: 'programs', title: 'programs of util-linux', needed: true };
export const INIT_REAPER: Topic = { id: 'catatonit', title: 'catatonit, for --init', needed: false };

/** The options of each that the launch chain uses: busybox has programs of these names without them. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  unshare: ['--map-auto', '--map-root-user', '--keep-caps', '--kill-child', '--time', '--monotonic', '--boottime'],
  setpriv: ['--pdeathsig', '--reuid', '--regid', '--clear-groups'],
  nsenter: ['--user', '--pid', '--preserve-credentials'],
  mount: ['--bind', '--no-canonicalize'],
};

export async function probePrograms(): Promise<Finding> {
  const checks = await Promise.all(Object.entries(OPTIONS).map(([name, options]) => checkProgram(name, options)));
  const faults = checks.filter((check) => check.fault !== null);
  const said = checks.map((check) => check.fault ?? check.version).join(', ');
  if (faults.length === 0) return fine(PROGRAMS, said);
  return failed(PROGRAMS, said, {
    cause:
      'without them there is no way into a namespace: node itself has threads, and the kernel wants a process without',
    fix: faults.map((check) => installFix(check.name)),
  });
}

interface ProgramCheck {
  readonly name: string;
  readonly version: string;
  readonly fault: string | null;
}

async function checkProgram(name: string, options: readonly string[]): Promise<ProgramCheck> {
  const path = findTool(name);
  if (path === undefined) return { name, version: '', fault: `${name} is not installed` };
  const [help, version] = await Promise.all([
    runTool([path, '--help'], { timeoutMs: 5000 }),
    runTool([path, '--version'], { timeoutMs: 5000 }),
  ]);
  const missing = missingOptions(`${help.stdout}${help.stderr}`, options);
  const fault = missing.length === 0 ? null : `${path} does not know ${missing.join(' ')}`;
  return { name, version: `${name} ${/\d+(\.\d+)+/u.exec(version.stdout)?.[0] ?? '?'}`, fault };
}

/** Those of `options` that a help text does not list. */
export function missingOptions(help: string, options: readonly string[]): string[] {
  return options.filter((option) => !new RegExp(`${option}(?![-a-z])`, 'u').test(help));
}

export function probeInitReaper(path = findTool('catatonit')): Finding {
  if (path !== undefined) return fine(INIT_REAPER, path);
  return failed(INIT_REAPER, 'catatonit is not installed', {
    cause: 'hutch run --init puts it into the container as the parent of all processes',
    fix: [you('do without --init'), installFix('catatonit')],
  });
}
