/** Running one of hutch's programs as root of a running container's user namespace; started from the host's side. */
import { spawn, type StdioOptions } from 'node:child_process';
import { enterChain, type EnterRequest } from './enter-chain.ts';
import { CHAIN_PATH } from './launch-chain.ts';
import { exitOf, type UsernsProcess } from './run-in-userns.ts';

/** Starts the program; it must join other namespaces by itself, and see to it that it dies with the caller. */
export function spawnInContainer(request: EnterRequest, stdio: StdioOptions): UsernsProcess {
  const [file, ...args] = enterChain(request).argv;
  const child = spawn(file, args, { stdio, env: { PATH: CHAIN_PATH, LANG: 'C.UTF-8' } });
  return { child, exit: exitOf(child, request.argv[0]) };
}
