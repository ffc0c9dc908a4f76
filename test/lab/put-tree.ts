/** Brings a built checkout into the lab's machine, on the host. */

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { asRoot, run } from './machine.ts';

/** Where the machine has hutch; /usr/local/bin/hutch leads there. */
export const HUTCH_THERE = '/opt/hutch/dist/hutch';

/**
 * Puts `dist/` of a checkout in the place of the one that the machine has, as an administrator would install it. Node is in the image
 * already, and is linked to where the build has it. Throws when that is another Node, for which the code caches are not.
 */
export async function putTree(config: string, tree: string): Promise<void> {
  const archive = run('tar', ['-C', tree, '--create', '--gzip', '--exclude=dist/node', 'dist']);
  const unpack = 'rm -rf /opt/hutch && mkdir /opt/hutch && tar -C /opt/hutch --extract --gzip --no-same-owner';
  const link = 'ln /usr/local/bin/node /opt/hutch/dist/node && node --version';
  const version = await asRoot(config, `${unpack} && ${link}`, archive);
  const built = execFileSync(path.join(tree, 'dist/node'), ['--version'], { encoding: 'utf8' });
  if (version !== built)
    throw new Error(`the lab has Node ${version.trim()}, and ${tree} was built with ${built.trim()}`);
}
