/** `hutch version`: runs in the CLI process. */

import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { VERSION } from '../src/cli/version.ts';

export default class Version extends HutchCommand {
  static override examples = ['<%= config.bin %> version', "<%= config.bin %> version --format '{{.Client.Version}}'"];
  static override flags = {
    format: Flags.string({ char: 'f', description: 'json, or a Go template such as {{.Version}}' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Version);
    const versions = { Version: VERSION, Node: process.versions.node, Platform: `${process.platform}/${process.arch}` };
    if (flags.format === undefined) {
      this.print(`hutch ${versions.Version} (node ${versions.Node}, ${versions.Platform})`);
      return EXIT_OK;
    }
    // There is no daemon: for those who ask for the server's version, client and server are the same program.
    const program = {
      Version: VERSION,
      Os: process.platform,
      Arch: goArch(),
      OsArch: `${process.platform}/${goArch()}`,
    };
    const { formatOne } = await import('../src/cli/format/format-rows.ts');
    this.print(formatOne(flags.format, { ...versions, Client: program, Server: program }));
    return EXIT_OK;
  }
}

/** As docker and podman call it. */
function goArch(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
