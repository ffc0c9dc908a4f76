/** Lines of a shell script that put the host's directories into the root of a container of the image `host`, as its start does; pure. */
import { shellWords } from '../../plan/render/shell-quote.ts';
import type { Plan, Step } from '../../plan/step.ts';

/**
 * `read`: overlays that nothing can be written to, which take no work directory and so disturb nobody. `write`: as the container has them; what
 * is read-only in it, or gone at its end, is covered by something empty that is read-only, so that no copy seems to have succeeded.
 */
export type RootUse = 'read' | 'write';

/** Nobody but the user is at the directory now; yet the container may have left a link in a place of which hutch has made a directory. */
const PLACE = `place() {
  [ ! -L "$1" ] && { [ -d "$1" ] || mkdir -m "$2" -- "$1"; } && return
  echo "hutch: $1 is no directory any more, in which something of the host was mounted" >&2
  exit 125
}`;

/** Lines for the root that is mounted at `at`; none for another image. Each fails the script when it fails. */
export function hostRootLines({ steps }: Plan, at: string, use: RootUse): readonly string[] {
  const lines = steps.filter(({ why }) => why.spec === 'root.path').flatMap((step) => linesFor(step, at, use));
  return lines.length === 0 ? [] : [PLACE, ...lines];
}

function linesFor(step: Step, at: string, use: RootUse): string[] {
  switch (step.kind) {
    case 'overlay_host_directory':
      return [place(at + step.target), mountOverlay(step, at + step.target, use)];
    case 'make_directory':
      return [place(at + step.target, step.mode)];
    case 'make_symlink': {
      const link = at + step.target;
      return [
        `[ -e ${shellWords([link])} ] || [ -L ${shellWords([link])} ] || ln -s -- ${shellWords([step.to, link])}`,
      ];
    }
    case 'mount':
      return [place(at + step.target), cover(at + step.target)];
    case 'bind':
      return bind(step, at + step.target, use);
    default:
      return [];
  }
}

function place(path: string, mode = 0o755): string {
  return `place ${shellWords([path, mode.toString(8)])}`;
}

function cover(path: string): string {
  return `mount -c ${shellWords(['-t', 'tmpfs', '-o', 'ro,mode=755', 'hutch-cover', path])} || exit`;
}

/** Such a directory has other file systems below it, which cannot be made read-only with it: they are shown to readers only. */
function bind({ source, create }: Step<'bind'>, target: string, use: RootUse): string[] {
  if (create === 'file')
    return [`[ ! -f ${shellWords([target])} ] || mount -c --bind ${shellWords([source, target])} || exit`];
  if (use === 'write') return [place(target), cover(target)];
  return [place(target), `mount -c --rbind ${shellWords([source, target])} || exit`];
}

function mountOverlay(step: Step<'overlay_host_directory'>, at: string, use: RootUse): string {
  const { from, lower, upper, work, options } = step;
  const data =
    use === 'read'
      ? [`lowerdir=${upper}:${lower}`, ...options.filter((option) => option !== 'volatile')]
      : [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`, ...options];
  return `cd ${shellWords([from])} && mount -c ${shellWords(['-t', 'overlay', 'overlay', '-o', data.join(','), at])} || exit`;
}
