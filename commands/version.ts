/** `hutch version`: runs in the CLI process. */

import { Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/cli/exit-codes.ts';
import { VERSION } from '../src/cli/version.ts';

export default class Version extends HutchCommand {
  static override examples = ['<%= config.bin %> version', "<%= config.bin %> version --format '{{.Version}}'"];
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
    const { formatOne } = await import('../src/cli/format/format-rows.ts');
    this.print(formatOne(flags.format, versions));
    return EXIT_OK;
  }
}
