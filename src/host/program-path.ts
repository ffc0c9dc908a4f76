/** Where hutch's own programs and its interpreter lie; on the host's side. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { HutchError } from '../errors/hutch-error.ts';

/** The directory of the built programs: the bundle's own, or `dist` of the checkout when the sources run directly. */
export function programDirectory(): string {
  const program = resolve(process.argv[1] ?? '.');
  if (program.endsWith('.cjs')) return dirname(program);
  let directory = dirname(program);
  while (directory !== '/' && !existsSync(join(directory, 'dist'))) directory = dirname(directory);
  return join(directory, 'dist');
}

/** Those in dist/ that others start or load. */
export type ProgramName =
  | 'hub'
  | 'hutch'
  | 'init'
  | 'make-seam'
  | 'make-way'
  | 'monitor'
  | 'pack'
  | 'receive'
  | 'resolver'
  | 'run-command'
  | 'send'
  | 'unpack'
  | 'watch';

/** The path of a program of hutch's. HOST_TOOL_MISSING when hutch was not built. */
export function programPath(name: ProgramName): string {
  const path = join(programDirectory(), `${name}.cjs`);
  if (existsSync(path)) return path;
  throw new HutchError(`${path} is missing`, { code: 'HOST_TOOL_MISSING', hint: 'build hutch: npm run build' });
}

/** The Node that runs hutch's programs: hutch's private copy beside them, else the one that runs now. */
export function nodePath(): string {
  const own = join(programDirectory(), 'node');
  return existsSync(own) ? own : process.execPath;
}
