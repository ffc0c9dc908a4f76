/** What a process in a container can say about it, as sections of lines; and the shell script that prints it. */

/**
 * Printed by the payload itself ($$): files of /proc and programs that every image has. The shell reads its own status without
 * a child and lists its descriptors outside of a pipe: while it forks, it blocks signals, and it holds the ends of its pipes.
 */
export const REPORT = String.raw`
echo @namespaces; for n in pid mnt uts ipc net cgroup time user; do echo "$n $(readlink "/proc/$$/ns/$n")"; done
echo @mounts; cat /proc/self/mountinfo
echo @status; while read -r line; do case $line in
  Cap* | Groups* | NoNewPrivs* | Seccomp* | SigBlk* | SigIgn* | SigCgt* | Umask* | Uid* | Gid*) echo "$line" ;;
esac; done </proc/$$/status
echo @host-name; cat /proc/sys/kernel/hostname
echo @ids; id
echo @id-maps; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
echo @environment; tr '\0' '\n' </proc/$$/environ | sort
echo @directory; pwd
echo @limits; cat /proc/$$/limits
echo @descriptors; ls /proc/$$/fd
echo @devices; ls -l /dev | sed 's/^total.*//; s/ [A-Z][a-z][a-z] [ 0-9:]* / /' | sort
echo @session; if [ $$ = 1 ]; then cut -d' ' -f5-7 /proc/$$/stat; fi
echo @clocks; cat /proc/self/timens_offsets
echo @etc; cat /etc/hosts /etc/hostname /etc/resolv.conf
`;

/** Lines by section. */
export type Report = Readonly<Record<string, readonly string[]>>;

/** A line that only one of two containers has. */
export interface Difference {
  readonly section: string;
  readonly run?: string;
  readonly script?: string;
}

export function parseReport(text: string): Report {
  const sections: Record<string, string[]> = {};
  let lines: string[] = [];
  for (const line of text.split('\n').filter((each) => each !== '')) {
    if (line.startsWith('@')) lines = sections[line.slice(1)] = [];
    else lines.push(line);
  }
  return sections;
}

/** The lines in which two reports differ, place by place. Namespaces are left to namespacesOf(). */
export function differencesOf(run: Report, script: Report): Difference[] {
  return Object.keys(run)
    .filter((section) => section !== 'namespaces')
    .flatMap((section) => {
      const [a, b] = [normal(section, run[section] ?? []), normal(section, script[section] ?? [])];
      return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => pair(section, a[index], b[index]));
    })
    .filter((difference) => difference.run !== difference.script);
}

function pair(section: string, run: string | undefined, script: string | undefined): Difference {
  return { section, ...(run === undefined ? {} : { run }), ...(script === undefined ? {} : { script }) };
}

/** Namespace ids by name. */
export function namespacesOf(report: Report): Readonly<Record<string, string>> {
  return Object.fromEntries((report['namespaces'] ?? []).map((line) => line.split(' ') as [string, string]));
}

// Numbers of mounts and of file systems without a device are given out anew each time; they keep their order within a container.
function normal(section: string, lines: readonly string[]): string[] {
  if (section !== 'mounts') return [...lines];
  const numbers = new Map<string, string>();
  const anew = (number: string): string => {
    if (!numbers.has(number)) numbers.set(number, `#${String(numbers.size)}`);
    return numbers.get(number) ?? '';
  };
  return lines.map((line) => {
    const [id = '', parent = '', device = '', root = '', ...rest] = line.split(' ');
    // The root's parent is gone from this view.
    const parentId = numbers.size === 0 ? '-' : anew(parent);
    const place = root.replace(/^.*\/(?:containers\/[0-9a-f]{64}|hutch-plan-[0-9a-f]{12})(?=\/|$)/u, '$C');
    return [anew(id), parentId, anew(`device ${device}`), place, ...rest].join(' ');
  });
}
