/** `hutch completion`: prints a script for the user's shell; runs in the CLI process. */

import { Args, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';

export default class Completion extends HutchCommand {
  static override description =
    'The script completes commands, flags, and the names of containers and images. Load it from your shell profile.';
  static override examples = [
    'For this bash session\n<%= config.bin %> completion bash > /tmp/hutch.bash && . /tmp/hutch.bash',
    'For every fish session\n<%= config.bin %> completion fish > ~/.config/fish/completions/hutch.fish',
  ];
  static override args = {
    shell: Args.string({ description: 'shell', required: true, options: ['bash', 'zsh', 'fish'] }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(Completion);
    const { renderCompletion } = await import('../src/cli/completion/render-completion.ts');
    this.print(await renderCompletion(args.shell));
    return EXIT_OK;
  }
}
