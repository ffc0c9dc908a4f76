/** Trying something out as root of a throw-away user, mount and pid namespace; started from the host's side. */
import { NoAnswer } from '../../host/probe/finding.ts';
import type { ToolResult } from '../../host/run-tool.ts';
import { spawnInUserns } from '../run-in-userns.ts';

/** `stdout` is without the announcements. */
export interface Trial extends ToolResult {
  /** The last step that the script announced with `at`; when it failed, the one that did. */
  readonly step: string;
}

/** `at WORDS` says what comes next; the first failing command ends the script, and the words tell which it was. */
const PROLOGUE = 'set -eu\nat() { printf "step %s\\n" "$1"; }\n';

/**
 * Runs a shell script with the caller's id maps, in mount and pid namespaces that vanish with it, whatever it mounted or
 * started. `$1`… are `args`; with `directory` it starts there. Never throws for a script that fails; NoAnswer when it has not
 * ended after `timeoutMs`, and what spawnInUserns() throws.
 */
export async function tryInUserns(
  script: string,
  options: { readonly args?: readonly string[]; readonly directory?: string; readonly timeoutMs?: number } = {},
): Promise<Trial> {
  const { directory = '/', args = [], timeoutMs = 30_000 } = options;
  // Not by an inherited descriptor: that would be a mount of the old mount namespace, which overlayfs refuses.
  const whole = `read -r _\n${PROLOGUE}at "reach the directory"; cd "$1"; shift\n${script}`;
  const { child, exit } = await spawnInUserns(
    [...PID_NAMESPACE, 'sh', '-c', whole, 'hutch-probe', directory, ...args],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // Not before somebody listens: node throws away what a process said that has ended already.
  child.stdin?.on('error', () => undefined).end('go\n');
  const clock = { ranOut: false };
  const timer = setTimeout(() => (clock.ranOut = child.kill('SIGKILL')), timeoutMs);
  const lastStep = (): string => separate(output.stdout).steps.at(-1) ?? 'start';
  try {
    const code = await exit;
    if (!clock.ranOut) return { code, stdout: separate(output.stdout).rest, stderr: output.stderr, step: lastStep() };
  } catch (error) {
    // One that was killed before its ids were mapped fails of that.
    if (!clock.ranOut) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new NoAnswer(timeoutMs, lastStep());
}

const PID_NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--'] as const;

function separate(stdout: string): { readonly steps: readonly string[]; readonly rest: string } {
  const lines = stdout.split('\n');
  const isStep = (line: string): boolean => line.startsWith('step ');
  return {
    steps: lines.filter(isStep).map((line) => line.slice('step '.length)),
    rest: lines.filter((line) => !isStep(line)).join('\n'),
  };
}

/** Why a trial failed, in one line: the step, and what the failing program said; null when it succeeded. */
export function whyFailed(trial: Trial): string | null {
  if (trial.code === 0) return null;
  const said = trial.stderr.trim().split('\n').filter(isTelling).join('; ');
  return `${trial.step}: ${said === '' ? `exit code ${String(trial.code)}` : said}`;
}

// fuse-overlayfs says so at every start, mount(8) refers to dmesg after every error.
function isTelling(line: string): boolean {
  return !/^unknown argument ignored|dmesg\(1\) may have more information/u.test(line.trim());
}
