/** The `run` program: forks init off, then becomes the CLI process of `hutch run`, whose code it loads while init makes ready. */
import { loadProgram } from './host/load-program.ts';
import { forkInit } from './monitor/fork-init.ts';
import type { HeadStart } from './monitor/head-start.ts';

interface RunCommand {
  runCommand(start: { readonly headStart: HeadStart | undefined; readonly load: typeof loadProgram }): void;
}

// Nothing keeps what is loaded: when the container is made its code is forgotten (src/cli/dispatch-run.ts).
const headStart = forkInit();
(loadProgram('run-command') as RunCommand).runCommand({ headStart, load: loadProgram });
