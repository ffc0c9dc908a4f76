/** The command that installs a missing program on this distribution; on the host's side. */
import { admin, type Fix } from './finding.ts';
import { readText } from './read-text.ts';

const INSTALLERS: Readonly<Record<string, string>> = {
  debian: 'apt-get install',
  fedora: 'dnf install',
  arch: 'pacman -S',
  alpine: 'apk add',
  suse: 'zypper install',
};

const UTIL_LINUX = {
  debian: 'util-linux',
  fedora: 'util-linux',
  arch: 'util-linux',
  alpine: 'util-linux-misc',
  suse: 'util-linux',
};
const SHADOW = { debian: 'uidmap', fedora: 'shadow-utils', arch: 'shadow', alpine: 'shadow-uidmap', suse: 'shadow' };

/** The package of a program where it does not bear the program's name, by family of distributions. */
const PACKAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  newuidmap: SHADOW,
  newgidmap: SHADOW,
  getsubids: { ...SHADOW, alpine: 'shadow-subids', fedora: 'shadow-utils-subid' },
  unshare: UTIL_LINUX,
  nsenter: UTIL_LINUX,
  mount: { ...UTIL_LINUX, debian: 'mount' },
  tc: { debian: 'iproute2', fedora: 'iproute-tc', arch: 'iproute2', alpine: 'iproute2-tc', suse: 'iproute2' },
  setpriv: { ...UTIL_LINUX, alpine: 'setpriv' },
};

/** What an admin types to get `program`. */
export function installFix(program: string, family = distributionFamily()): Fix {
  const name = PACKAGES[program]?.[family ?? ''] ?? program;
  const installer = INSTALLERS[family ?? ''];
  return admin(installer === undefined ? `install the package that brings ${program}` : `${installer} ${name}`);
}

/** The distribution in words, from os-release(5). */
export function distributionName(osRelease = readOsRelease()): string {
  return valueOf(osRelease, 'PRETTY_NAME') ?? 'Linux';
}

/** The key into the tables above, or undefined for a distribution that they do not know. */
export function distributionFamily(osRelease = readOsRelease()): string | undefined {
  const words = `${valueOf(osRelease, 'ID') ?? ''} ${valueOf(osRelease, 'ID_LIKE') ?? ''}`.split(/\s+/u);
  return Object.keys(INSTALLERS).find((family) => words.includes(family));
}

function readOsRelease(): string {
  return readText('/etc/os-release') ?? readText('/usr/lib/os-release') ?? '';
}

function valueOf(osRelease: string, key: string): string | undefined {
  const line = osRelease.split('\n').find((candidate) => candidate.startsWith(`${key}=`));
  return line?.slice(key.length + 1).replace(/^(["'])(.*)\1$/u, '$2');
}
