/** The `run` program: forks init off, then becomes the CLI process of `hutch run`, whose code it loads while init makes ready. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { forkInit } from './monitor/fork-init.ts';
import type { HeadStart } from './monitor/head-start.ts';

interface RunCommand {
  runCommand(headStart?: HeadStart): void;
}

/** Nothing keeps what was loaded: when the container is made its code is forgotten (src/cli/dispatch-run.ts). */
function become(program: string, headStart: HeadStart | undefined): void {
  const load = createRequire(program);
  const path = join(program, '../run-command.cjs');
  (load(path) as RunCommand).runCommand(headStart);
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a cache is made for that
  delete load.cache[path];
}

become(process.argv[1] ?? '', forkInit());
