/** `hutch completion SHELL`; CLI process. */

import { HutchError } from '../../errors/hutch-error.ts';
import { renderBash } from './bash.ts';
import { renderFish } from './fish.ts';
import { collectWords } from './words.ts';
import { renderZsh } from './zsh.ts';

const SHELLS = { bash: renderBash, fish: renderFish, zsh: renderZsh };

/** The completion script for `shell`, made from the command table. Throws USAGE_INVALID for another shell. */
export async function renderCompletion(shell: string): Promise<string> {
  const render = Object.entries(SHELLS).find(([name]) => name === shell)?.[1];
  const hint = `Use one of ${Object.keys(SHELLS).join(', ')}`;
  if (render === undefined) throw new HutchError(`no completion for "${shell}"`, { code: 'USAGE_INVALID', hint });
  return render(await collectWords());
}
