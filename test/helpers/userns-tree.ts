/** Trees as root of the user namespace sees them: made by a script, and listed entry by entry. */

import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { chooseMaps } from '../../src/userns/choose-maps.ts';
import { spawnInUserns } from '../../src/userns/run-in-userns.ts';

/** Why host tests of unpacking cannot run here; false when they can. */
export async function unpackSkip(): Promise<string | false> {
  if (process.getuid?.() === 0) return 'needs an ordinary user';
  const { reducedBecause } = await chooseMaps();
  return reducedBecause === null ? false : `ownership cannot be tested: ${reducedBecause}`;
}

/** What a shell script prints as root of the user namespace; its arguments are $1, $2 … */
export async function inUserns(script: string, ...args: readonly string[]): Promise<string> {
  const { child, exit } = await spawnInUserns(['sh', '-euc', script, 'sh', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), exit]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = '';
  for await (const chunk of (stream?.setEncoding('latin1') ?? []) as AsyncIterable<string>) text += chunk;
  return text;
}

/** Path, type, mode, owner, links, size, exact mtime, link target; then attributes; then digests of contents. */
const LIST = String.raw`
cd "$1"
find . -printf '%p|%y|%m|%U|%G|%n|%s|%T@|%l\0' | sort -z | tr '\0' '\n' | sed -E 's/^([^|]*\|d\|[^|]*\|[^|]*\|[^|]*\|[^|]*)\|[0-9]+/\1|-/'
find . -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex 2>/dev/null || true
find . -type f -print0 | sort -z | xargs -0 -r sha256sum`;

export async function listTree(directory: string): Promise<string> {
  return inUserns(LIST, directory);
}
