/** `hutch network ls`: runs in the CLI process. */
import { Flags, HutchCommand } from '../../src/cli/base-command.ts';
import { EXIT_OK } from '../../src/errors/exit-codes.ts';
import { listUserNetworks } from '../../src/engine/network/list-networks.ts';

const SHORT_ID = 12;

export default class NetworkLs extends HutchCommand {
  static override description =
    'Lists the networks that were made, by name. What --network takes besides, such as none, host and slirp4netns, is no network that containers share.';
  static override examples = [
    '<%= config.bin %> network ls',
    "<%= config.bin %> network ls --filter dangling=true --format '{{.Name}} {{.Subnet}}'",
  ];
  static override flags = {
    filter: Flags.string({
      char: 'f',
      multiple: true,
      description: 'name, id, driver, label, dangling, until, scope or type, as KEY=VALUE',
    }),
    format: Flags.string({ description: 'json, or a Go template such as {{.Name}}' }),
    'no-trunc': Flags.boolean({ description: 'show ids in full' }),
    noheading: Flags.boolean({ char: 'n', description: 'leave out the line of headings' }),
    quiet: Flags.boolean({ char: 'q', description: 'print ids only' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(NetworkLs);
    const { networks, damage } = listUserNetworks(flags.filter ?? []);
    for (const words of damage) this.warn(`a network is left out: ${words} (hutch check)`);
    const idLength = flags['no-trunc'] ? Infinity : SHORT_ID;
    if (flags.quiet) {
      for (const { id } of networks) this.print(id.slice(0, idLength));
      return EXIT_OK;
    }
    const [{ formatRows }, { networkColumns, networkJson, networkMethods }] = await Promise.all([
      import('../../src/cli/format/format-rows.ts'),
      import('../../src/cli/network-rows.ts'),
    ]);
    const text = formatRows(networks, {
      columns: networkColumns(idLength),
      format: flags.format,
      hasHeader: !flags.noheading,
      json: networkJson,
      extra: networkMethods,
    });
    if (text !== '') this.print(text.trimEnd());
    return EXIT_OK;
  }
}
