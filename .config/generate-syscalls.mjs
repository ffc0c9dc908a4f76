/**
 * Writes src/linux/syscall-table.ts from the kernel headers installed here; a developer runs it, a test compares its output.
 *
 * Debian: apt-get install cpp linux-libc-dev linux-libc-dev-arm64-cross linux-libc-dev-armhf-cross
 * `--print` writes to stdout instead; exit code 3 says that headers or cpp are missing, and which.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

const X86 = '/usr/include/x86_64-linux-gnu';
const ARM64 = '/usr/aarch64-linux-gnu/include';
const ARM = '/usr/arm-linux-gnueabihf/include';

/** Per table: the include directory, the header below it, and what the compiler of that architecture defines. */
const SOURCES = {
  x86_64: { include: X86, header: 'asm/unistd_64.h', defines: [] },
  x86: { include: X86, header: 'asm/unistd_32.h', defines: [] },
  x32: { include: X86, header: 'asm/unistd_x32.h', defines: ['__X32_SYSCALL_BIT=0'] },
  aarch64: { include: ARM64, header: 'asm/unistd.h', defines: ['__aarch64__', '__LP64__'] },
  arm: { include: ARM, header: 'asm/unistd.h', defines: ['__arm__', '__ARM_EABI__'] },
};

/** From this number on every architecture uses the same numbers (since Linux 5.1). */
const SHARED_FROM = 424;
/** x32 has calls of its own from here on; arm far above. */
const SHARED_END = 512;

/** Calls younger than the 6.1 headers, in the order of their numbers; from arch/<arch>/.../syscall*.tbl of Linux 6.19. */
const NEWER = {
  451: `cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr
    lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr
    file_getattr file_setattr listns rseq_slice_yield`,
};
const NEWER_ON = { x86_64: { 335: 'uretprobe uprobe' } };

/** Macros that look like calls and are none, and a second name of arm_sync_file_range. */
const NOT_CALLS = /^(?:syscalls|arch_specific_syscall|(?:OABI_)?SYSCALL_BASE|SYSCALL_MASK|BASE|sync_file_range2)$/u;

function main() {
  const missing = missingSources();
  if (missing.length > 0) {
    process.stderr.write(`missing: ${missing.join(', ')}\n`);
    process.exitCode = 3;
    return;
  }
  const text = renderModule();
  if (process.argv.includes('--print')) process.stdout.write(text);
  else writeFileSync(new URL('../src/linux/syscall-table.ts', import.meta.url), text);
}

function missingSources() {
  const headers = Object.values(SOURCES).map(({ include, header }) => `${include}/${header}`);
  const absent = [...new Set(headers)].filter((path) => !existsSync(path));
  return existsSync('/usr/bin/cpp') ? absent : ['/usr/bin/cpp', ...absent];
}

/** Number to name of one architecture, headers and supplement together. */
function readTable(arch) {
  const macros = readMacros(SOURCES[arch]);
  const table = new Map();
  for (const macro of macros.keys()) {
    const name = /^__(?:ARM_)?NR_(\w+)$/.exec(macro)?.[1];
    if (name === undefined || NOT_CALLS.test(name)) continue;
    const number = evaluate(macro, macros);
    if (number !== undefined) table.set(number, name);
  }
  supplement(table, NEWER);
  supplement(table, NEWER_ON[arch] ?? {});
  return new Map([...table].sort(([a], [b]) => a - b));
}

/** All macros that the header leaves defined: name to text. */
function readMacros({ include, header, defines }) {
  const flags = [
    '-E',
    '-dM',
    '-undef',
    '-nostdinc',
    '-I',
    include,
    '-I',
    '/usr/include',
    ...defines.map((d) => `-D${d}`),
  ];
  const output = execFileSync('cpp', [...flags, `${include}/${header}`], { encoding: 'utf8' });
  return new Map([...output.matchAll(/^#define (\w+) (.+)$/gmu)].map(([, name, text]) => [name, text]));
}

/** The number that a macro stands for: macro names are replaced until a sum of literals is left. */
function evaluate(text, macros) {
  let sum = text;
  for (let depth = 0; /[A-Za-z_]\w*/u.test(sum.replace(/0x[0-9a-f]+/giu, '')); depth++) {
    if (depth === 8) return undefined;
    sum = sum.replace(/\b[A-Za-z_]\w*/gu, (name) => macros.get(name) ?? name);
  }
  return sum
    .replace(/[()\s]/gu, '')
    .split('+')
    .reduce((total, term) => total + Number(term), 0);
}

/** Adds calls that the headers do not have yet; a header that disagrees is an error. */
function supplement(table, runs) {
  for (const [start, names] of Object.entries(runs)) {
    names.split(/\s+/u).forEach((name, offset) => {
      const number = Number(start) + offset;
      const known = table.get(number);
      if (known !== undefined && known !== name) throw new Error(`${number} is ${known}, the supplement says ${name}`);
      table.set(number, name);
    });
  }
}

/** Names in the order of their numbers; a number stands before a name that does not follow its predecessor. */
function encode(entries) {
  const tokens = [];
  let next = 0;
  for (const [number, name] of entries) {
    if (number !== next) tokens.push(String(number));
    tokens.push(name);
    next = number + 1;
  }
  return fold(tokens);
}

/** Tokens in lines of at most 118 characters. */
function fold(tokens) {
  const lines = [''];
  for (const token of tokens) {
    const line = lines.at(-1);
    if (line.length + token.length + 1 > 118) lines.push(token);
    else lines[lines.length - 1] = line === '' ? token : `${line} ${token}`;
  }
  return lines.join('\n');
}

const isShared = ([number]) => number >= SHARED_FROM && number < SHARED_END;

/** The numbers that all architectures share, after a check that they do; some architectures lack one of them. */
function sharedEntries(tables) {
  const shared = new Map();
  for (const [number, name] of tables.flatMap((table) => [...table]).filter(isShared)) {
    const known = shared.get(number) ?? name;
    if (known !== name) throw new Error(`${number} is ${known} here and ${name} there`);
    shared.set(number, name);
  }
  return [...shared].sort(([a], [b]) => a - b);
}

function renderModule() {
  const tables = Object.fromEntries(Object.keys(SOURCES).map((arch) => [arch, readTable(arch)]));
  const own = Object.entries(tables).map(
    ([arch, table]) => `  ${arch}: \`${encode([...table].filter((entry) => !isShared(entry)))}\`,\n`,
  );
  return `/** Generated by .config/generate-syscalls.mjs from kernel headers: names in the order of their numbers; pure data. */

/** Calls that have the same number on every architecture; a number sets the count, each name counts one up. */
export const SHARED_SYSCALLS = \`${encode(sharedEntries(Object.values(tables)))}\`;

/** The other calls of each architecture; x32 without its bit 30. */
export const OWN_SYSCALLS = {
${own.join('')}} as const;
`;
}

main();
