/**
 * The chain of namespaces, started before the CLI has read its options: `src/launcher.sh` sources a file that the last
 * successful run wrote. It is a guess: a run that needs another chain ends the guessed one and starts its own.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeTextFile } from '../state/json-file.ts';
import { PASSING } from '../state/passing-files.ts';

/** What launcher.sh says about the chain it has started: pid, descriptor to write to init, descriptor to read from it, key. */
export interface Prelaunched {
  readonly pid: number;
  readonly toInit: number;
  readonly fromInit: number;
  readonly key: string;
  /** Init has been sent its plan (see tellEarly in launch.ts). */
  readonly isTold?: true;
}

const VARIABLE = 'HUTCH_PRELAUNCH';

/** The chain that the launcher has started, taken out of the environment; undefined without one. Its channel loses its names. */
export function takePrelaunched(env: NodeJS.ProcessEnv): Prelaunched | undefined {
  const match = /^(\d+):(\d+):(\d+):([0-9a-f]+)$/u.exec(env[VARIABLE] ?? '');
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- it must not reach any child
  delete env[VARIABLE];
  if (match === null) return undefined;
  const [, pid, toInit, fromInit, key = ''] = match;
  const taken = { pid: Number(pid), toInit: Number(toInit), fromInit: Number(fromInit), key };
  removeNames(taken);
  return taken;
}

/** Every end is open by now. Here, as the launcher would need a process of its own for it. */
function removeNames({ toInit, fromInit }: Prelaunched): void {
  for (const fd of [toInit, fromInit]) {
    const path = nameOf(fd);
    if (path !== undefined && PASSING.fifo.test(basename(path))) rmSync(path, { force: true });
  }
}

function nameOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${String(fd)}`);
  } catch {
    return undefined;
  }
}

/** A short fingerprint (FNV-1a, hex) by which a started chain is known to be the wanted one. */
export function chainKey(argv: readonly string[]): string {
  let hash = 0x811c_9dc5;
  for (const character of argv.join('\0')) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x0100_0193) >>> 0;
  }
  return hash.toString(16);
}

/** Removes fifos whose launcher was killed before their names went; `run` is the run directory. */
function sweepFifos(run: string): void {
  for (const name of readdirSync(run)) {
    const pid = /^fifo\.(\d+)\./u.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(run, name), { force: true });
  }
}

/** Keeps the chain for the next run, in the run directory `run`; writes only when it differs from what is there. */
export function rememberChain(run: string, argv: readonly string[], path: string): void {
  sweepFifos(run);
  const file = join(run, 'prelaunch');
  const script = prelaunchScript(run, argv, path);
  if (readIfThere(file) !== script) writeTextFile(file, script, { durable: false });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Two fifos become the channel: descriptors 6 (to init) and 7 (from init) stay open in the CLI, 3 and 4 in init.
 * Each end is opened for its direction only, so that the death of one side is an end of file for the other.
 */
function prelaunchScript(run: string, argv: readonly string[], path: string): string {
  const down = quote(join(run, 'fifo.'));
  return [
    '# Written by hutch: the chain of namespaces of the last run on this host.',
    `down=${down}$$.down up=${down}$$.up`,
    'if mkfifo -m 600 "$down" "$up" 2>/dev/null; then',
    '  exec 8<>"$down" 9<>"$up"',
    '  exec 3<"$down" 4>"$up" 6>"$down" 7<"$up" 8>&- 9>&-',
    `  setsid env -i PATH=${path} LANG=C.UTF-8 ${argv.map(quote).join(' ')} </dev/null >/dev/null 2>&4 6>&- 7<&- &`,
    '  exec 3<&- 4>&-',
    `  export ${VARIABLE}="$!:6:7:${chainKey(argv)}"`,
    'fi',
    '',
  ].join('\n');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
