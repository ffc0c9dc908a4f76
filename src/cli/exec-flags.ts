/** The flags of `exec` and `plan exec`; CLI process. */
import type { ExecRequest } from '../engine/container/exec-request.ts';
import { Flags } from './base-command.ts';

export const EXEC_FLAGS = {
  detach: Flags.boolean({ char: 'd', description: 'return at once; the command lives until the container ends' }),
  'detach-keys': Flags.string({
    description: 'with -it: keys that leave the command running on its own (default ctrl-p,ctrl-q)',
  }),
  interactive: Flags.boolean({ char: 'i', description: 'connect stdin' }),
  tty: Flags.boolean({ char: 't', description: "allocate a terminal from the container's own devpts" }),
  env: Flags.string({ char: 'e', multiple: true, description: 'set NAME=VALUE, or pass on your own NAME' }),
  'env-file': Flags.string({ multiple: true, description: 'read environment lines from a file' }),
  user: Flags.string({ char: 'u', description: "USER[:GROUP], names or ids; the container's own when left out" }),
  workdir: Flags.string({ char: 'w', description: 'working directory in the container' }),
  privileged: Flags.boolean({ description: 'no fences of hutch: all capabilities of the user namespace, no filter' }),
};

interface Parsed {
  readonly flags: {
    readonly detach: boolean;
    readonly 'detach-keys'?: string | undefined;
    readonly interactive: boolean;
    readonly tty: boolean;
    readonly env?: readonly string[] | undefined;
    readonly 'env-file'?: readonly string[] | undefined;
    readonly user?: string | undefined;
    readonly workdir?: string | undefined;
    readonly privileged: boolean;
  };
  readonly container: string;
  readonly command: readonly string[] | undefined;
}

/** The request that parsed flags stand for. */
export function execRequestFrom({ flags, container, command }: Parsed): ExecRequest {
  return {
    container,
    command: command ?? [],
    interactive: flags.interactive,
    terminal: flags.tty,
    detach: flags.detach,
    detachKeys: flags['detach-keys'],
    env: flags.env ?? [],
    envFiles: flags['env-file'] ?? [],
    workingDirectory: flags.workdir,
    user: flags.user,
    privileged: flags.privileged,
  };
}
