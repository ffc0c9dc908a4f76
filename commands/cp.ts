/** `hutch cp`: runs in the CLI process. */
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { interruptible } from '../src/cli/interrupted.ts';
import { copyFiles } from '../src/engine/container/copy-files.ts';

const WHEN_STOPPED = 'each file that was there is what it was, or the whole new one';

export default class Cp extends HutchCommand {
  static override description = `Copies files between a container and the host, or between two containers. One path is CONTAINER:PATH, the other a path of
the host, or "-" for a tar archive on stdin or stdout. A directory is copied with all that is in it; DIR/. means what is in it.
A place that is not there gets the copy under its own name; into a directory that is there it goes under the name it had.

What is copied into a container belongs to its root, and what comes out belongs to you, unless -a is given. Files of an archive keep their
owners. A container need not run; its volumes are there only while it does.`;
  static override examples = [
    '<%= config.bin %> cp web:/var/log/. ./logs',
    '<%= config.bin %> cp site.conf web:/etc/site.conf',
    'tar c page.html | <%= config.bin %> cp - web:/srv',
  ];
  static override args = {
    source: Args.string({ required: true, description: 'CONTAINER:PATH, a path, or -' }),
    destination: Args.string({ required: true, description: 'CONTAINER:PATH, a path, or -' }),
  };
  static override flags = {
    archive: Flags.boolean({ char: 'a', description: 'keep owners' }),
    'follow-link': Flags.boolean({ char: 'L', description: 'copy what a symbolic link at the source leads to' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Cp);
    const { archive, 'follow-link': followLink } = flags;
    const { leftOut, squashedIds } = await interruptible(WHEN_STOPPED, (signal) =>
      copyFiles({ ...args, archive, followLink, signal }),
    );
    if (leftOut > 0) this.note(`left out ${String(leftOut)} sockets and device nodes`);
    if (squashedIds > 0)
      this.note(`${String(squashedIds)} files belong to ids that do not exist there: given to nobody`);
    return EXIT_OK;
  }
}
