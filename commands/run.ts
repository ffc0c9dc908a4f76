/** `hutch run`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { ATTACH_FLAGS, attachOptions } from '../src/cli/attach-flags.ts';
import { CONTAINER_FLAGS, pullWatcher, requestFrom, requireTerminal } from '../src/cli/container-flags.ts';
import { refuseFlags } from '../src/cli/refused-flags.ts';
import { ReaderGone } from '../src/cli/output.ts';
import { runContainer, type RunOptions } from '../src/engine/container/run-container.ts';
import type { Trace } from '../src/engine/container/trace-steps.ts';

export default class Run extends HutchCommand {
  static override stopsAtFirstPositional = true;
  /** What looks after the container, where that is another program's code than this. */
  static handOver: RunOptions['handOver'];
  static takeHeadStart: RunOptions['takeHeadStart'];
  static peekHeadStart: RunOptions['peekHeadStart'];
  static override description = `Makes a new container from an image and runs a command in it, in the foreground or, with -d, on its own. Root in the
container is you on the host; the other ids are your subordinate ids. Nothing needs sudo.

The image "host" is this host's own root: its programs, with everything written thrown away.

Exit code: the command's own; 128+n when signal n ended it; 125 when hutch could not run it; 126 when the command cannot be
executed; 127 when it is not in the container.`;
  static override examples = [
    { description: 'A shell in a container of this host', command: '<%= config.bin %> run --rm -it host sh' },
    {
      description: 'A program with a directory of yours, without network',
      command: '<%= config.bin %> run --rm --net none -v ./data:/data:ro busybox ls /data',
    },
    { description: 'What happens, step by step, with times', command: '<%= config.bin %> run --rm --trace host true' },
  ];
  static override args = {
    image: Args.string({ required: true, description: 'image, or "host"' }),
    command: Args.string({ multiple: true, description: "command and its arguments; the image's own when left out" }),
  };
  static override flags = {
    ...CONTAINER_FLAGS,
    ...ATTACH_FLAGS,
    detach: Flags.boolean({ char: 'd', description: 'leave it running on its own, and print its id' }),
    attach: Flags.string({
      char: 'a',
      multiple: true,
      description:
        'connect stdin, stdout or stderr, and show nothing of those left out; the id is printed when no output is',
    }),
    cidfile: Flags.string({ description: 'write the id of the container to a file' }),
    rm: Flags.boolean({ description: 'remove the container when it ends' }),
    trace: Flags.boolean({ description: 'print each step of the plan with its time to stderr' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Run);
    await refuseFlags(flags);
    const request = requestFrom({ flags, image: args.image, command: args.command, remove: flags.rm });
    if (!flags.detach) requireTerminal(request);
    const ears = {
      warn: (text: string) => void this.warn(text),
      trace: flags.trace ? this.trace() : null,
      watchPull: pullWatcher(flags),
      detached: (id: string) => {
        this.sayId(id);
      },
    };
    return runContainer(request, ears, {
      ...attachOptions(flags),
      attach: flags.attach,
      detach: flags.detach,
      cidFile: flags.cidfile,
      isQuiet: flags.quiet,
      handOver: Run.handOver,
      takeHeadStart: Run.takeHeadStart,
      peekHeadStart: Run.peekHeadStart,
    });
  }

  /** Nobody may be there to read it: the container runs all the same. */
  private sayId(id: string): void {
    try {
      this.print(id);
    } catch (error) {
      if (!(error instanceof ReaderGone)) throw error;
    }
  }

  private trace(): Trace {
    return {
      begin: (notes) => {
        for (const note of notes) this.note(note);
      },
      step: (place, text, microseconds) => {
        const time = microseconds === null ? ' '.repeat(10) : `${(microseconds / 1000).toFixed(2).padStart(7)} ms`;
        this.note(`${String(place).padStart(3)}  ${time}  ${text}`);
      },
    };
  }
}
