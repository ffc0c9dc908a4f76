/** A file or a tree of a stopped container, as its directories lie on top of each other; send program, chrooted into the store. */
import { HutchError } from '../errors/hutch-error.ts';
import type { SendRequest } from '../protocol/copy.ts';
import type { FileCalls } from '../syscall/files.ts';
import type { ArchiveOutput } from './archive-output.ts';
import { findIn, linkTarget, listIn, statOf, type Found } from './merged-directory.ts';
import { missing, noDirectory, type SendCounts } from './send-files.ts';

/** As the kernel: more links than this on one way are a circle. */
const MAX_LINKS = 40;

/** Sends `path` of the merged root. PATH_INVALID when it is not there. */
export function sendMerged(
  request: SendRequest & { readonly directories: readonly string[] },
  archive: ArchiveOutput,
  calls: FileCalls,
): SendCounts {
  const counts = { entries: 0, leftOut: 0 };
  const found = findPath(request, calls);
  if (found === undefined) throw missing(request.path);
  if (request.needsDirectory && found.directories.length === 0) throw noDirectory(request.path);
  const walk = (name: string, entry: Found): void => {
    const isAdded = archive.add(name, entry);
    if (isAdded === true) counts.entries += 1;
    else if (isAdded === false) counts.leftOut += 1;
    if (entry.directories.length === 0) return;
    for (const [child, below] of listIn(entry.directories, calls)) walk(`${name}/${child}`, below);
  };
  walk(Buffer.from(request.name ?? '.').toString('latin1'), found);
  return counts;
}

/** Goes down the path name by name; links lead to places in the merged root. */
function findPath(
  { path, follow, directories }: SendRequest & { readonly directories: readonly string[] },
  calls: FileCalls,
): Found | undefined {
  const root = rootOf(directories);
  const names = namesOf(Buffer.from(path).toString('latin1'));
  let way: Found[] = [root];
  for (let links = 0; names.length > 0;) {
    const name = names.shift() ?? '';
    if (name === '..') way = way.length > 1 ? way.slice(0, -1) : way;
    if (name === '..') continue;
    const found = findIn((way.at(-1) ?? root).directories, name, calls);
    if (found === undefined) return undefined;
    if (!found.stats.isSymbolicLink() || (names.length === 0 && !follow)) {
      way.push(found);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS)
      throw new HutchError(`${path} leads through too many symbolic links`, {
        code: 'PATH_INVALID',
        hint: 'copy what they lead to',
      });
    const target = linkTarget(found.path);
    if (target === undefined) return undefined;
    if (target.startsWith('/')) way = [root];
    names.unshift(...namesOf(target));
  }
  return way.at(-1);
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function rootOf(directories: readonly string[]): Found {
  const [top = ''] = directories;
  const stats = statOf(top);
  if (stats === undefined) throw missing('/');
  return { path: top, stats, directories };
}
