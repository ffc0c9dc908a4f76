/** Running a helper program of the host to its end; in the process that calls, on the host's side. */
import { spawn } from 'node:child_process';
import { accessSync, constants as access, statSync } from 'node:fs';
import { constants } from 'node:os';
import { HutchError } from '../errors/hutch-error.ts';

/** Where helpers are looked for besides PATH: users' PATHs often lack the sbin directories. */
const EXTRA_DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin', '/usr/libexec/podman'];

/** The package that brings each helper, by its Debian name (Fedora's where it differs). */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  newuidmap: 'uidmap',
  newgidmap: 'uidmap',
  getsubids: 'uidmap',
  'fuse-overlayfs': 'fuse-overlayfs',
  slirp4netns: 'slirp4netns',
  pasta: 'passt',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  nsenter: 'util-linux',
  catatonit: 'catatonit',
  tc: 'iproute2',
  ip: 'iproute2',
  nft: 'nftables',
};

export interface ToolResult {
  /** Exit code, or 128 + signal number. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The absolute path of a helper program, from PATH and the usual system directories; undefined when it is nowhere. */
export function findTool(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), ...EXTRA_DIRECTORIES];
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory}/${name}`)
    .find(isExecutableFile);
}

/** As findTool, but HOST_TOOL_MISSING when it is nowhere. `purpose` completes "… is needed to". */
export function requireTool(name: string, purpose: string): string {
  const path = findTool(name);
  if (path !== undefined) return path;
  throw new HutchError(`${name} is not installed; it is needed to ${purpose}`, {
    code: 'HOST_TOOL_MISSING',
    hint: `ask an admin to install it (Debian, Ubuntu: apt-get install ${PACKAGE_OF[name] ?? name})`,
    context: { tool: name },
  });
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, access.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end with no terminal and closed stdin (or `input`), and collects what it prints.
 * Never throws for a non-zero exit; HOST_TOOL_FAILED when it cannot be started or runs past `timeoutMs`.
 */
export function runTool(
  argv: readonly [string, ...string[]],
  options: {
    readonly input?: string;
    readonly timeoutMs?: number;
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
  } = {},
): Promise<ToolResult> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(failed(file, `did not end within ${String(options.timeoutMs ?? 60_000)} ms`));
    }, options.timeoutMs ?? 60_000);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin?.on('error', () => undefined).end(options.input);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(failed(file, error.message, error));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? 128 + signalNumber(signal), stdout, stderr });
    });
  });
}

function failed(file: string, reason: string, cause?: unknown): HutchError {
  return new HutchError(`${file} could not do its work: ${reason}`, {
    code: 'HOST_TOOL_FAILED',
    hint: 'run `hutch doctor` to see what this host lacks',
    cause,
    context: { tool: file },
  });
}

/** The number of a signal name as Node gives it, 0 for none. */
export function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
