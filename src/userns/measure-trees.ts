/** What trees take on disk, also where files belong to subordinate ids: du(1) as root of the user namespace; started from the host's side. */
import { HutchError } from '../errors/hutch-error.ts';
import { spawnInUserns } from './run-in-userns.ts';

/** As many paths as surely fit on a command line. */
const AT_ONCE = 500;

/**
 * Bytes on disk (blocks, not lengths) of each path and, with `depth`, of the directories so many levels below it. Hard links count
 * once. What goes away meanwhile is left out. HOST_TOOL_FAILED when du(1) cannot run.
 */
export async function measureTrees(paths: readonly string[], depth = 0): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const output = await du(paths.slice(at, at + AT_ONCE), depth);
    for (const line of output.split('\n')) {
      const tab = line.indexOf('\t');
      if (tab > 0) sizes.set(line.slice(tab + 1), Number(line.slice(0, tab)) * 1024);
    }
  }
  return sizes;
}

async function du(paths: readonly string[], depth: number): Promise<string> {
  const argv = ['du', '-k', '-d', String(depth), '--', ...paths] as const;
  const { child, exit } = await spawnInUserns([...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, words] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words += text));
  const code = await exit;
  // du(1) ends with 1 for a file that went away while it looked; a missing program ends with 127.
  if (code <= 1) return output;
  throw new HutchError(`du could not measure ${paths[0] ?? ''}: ${words.trim()}`, {
    code: 'HOST_TOOL_FAILED',
    hint: 'install coreutils',
  });
}
