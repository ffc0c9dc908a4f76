/** Loading one of hutch's programs into the process of another; in any process, as long as it sees the host's files. */
import { createRequire } from 'node:module';
import { programPath, type ProgramName } from './program-path.ts';

/** What the loader of a built program offers (.config/program-loader.cjs). */
interface Loader {
  load(name: string): unknown;
}

/** Evaluates a program, each time anew, and returns what it exports. Nothing but the caller refers to its code. HOST_TOOL_MISSING when hutch was not built. */
export function loadProgram(name: ProgramName): unknown {
  const { hutchLoader } = globalThis as { readonly hutchLoader?: Loader };
  if (hutchLoader !== undefined) return hutchLoader.load(name);
  const path = programPath(name);
  return createRequire(path)(path);
}
