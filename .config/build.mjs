/**
 * `node .config/build.mjs [--output DIR] [PROGRAM…]`: bundles the programs of hutch into dist/, each as loader (.cjs), source (.js) and code cache
 * (.cache), next to the native part of koffi, the launcher, and a node of our own for AppArmor to know by its path.
 * Everything is made in a directory beside dist/ that takes its place at the end.
 */

import { execFile } from 'node:child_process';
import {
  access,
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { arch, execPath, pid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { lazyOclif } from './lazy-oclif.mjs';
import { leaveOut } from './leave-out.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HERE = join(ROOT, '.config');
/** On the file system of dist/, and nowhere that git looks. */
const WORKSHOP = join(ROOT, 'node_modules');

/** What comes with oclif and hutch has no use for: search for plugins, spinners, configuration files. */
const LEFT_OUT = /[\\/]node_modules[\\/](?:cli-spinners|fdir|lilconfig|minimatch|picomatch|tinyglobby|wsl-utils)[\\/]/;
/** What only help needs, and that the whole of hutch shows; and, for `run`, the monitor, which is the program `watch`. */
const HELP = '/node_modules/(?:ejs/|@oclif/core/lib/(?:help|config)/)|/src/cli/help[.]ts$';
const RUN_LEAVES_OUT = new RegExp(`${HELP}|/src/monitor/monitor-here[.]ts$`, 'u');

/** The commands that people and scripts call again and again, and those of them that start something in a container. The launcher (src/launcher.sh) starts these programs for them. */
const DAILY =
  'container/inspect events images inspect kill logs pause port ps rename rm stats stop top unpause version wait';
const LIFE = 'attach exec restart start';
const allBut = (commands) => new RegExp(`${HELP}|/commands/(?!(?:${commands.replaceAll(' ', '|')})[.]ts$)`, 'u');

/** An image without a program: how one is found, laid over others and mounted. */
const REHEARSAL_IMAGE = 'rehearsal';
/** A container of the image "host", which lives for a minute at most. */
const CONTAINER = 'rehearsal';

/** Name in dist/ → entry point, and the runs that show V8 which functions a start needs ([] compiles, runs nothing). */
const PROGRAMS = {
  hutch: {
    entry: 'src/main.ts',
    rehearsals: [
      ['version'],
      ['run', '--help'],
      ['plan', 'run', '--format', 'json', 'host', 'true'],
      ['create', '--net', 'none', 'host', 'true'],
    ],
  },
  run: { entry: 'src/run.ts', rehearsals: [], isWhollyUsed: true },
  'run-command': {
    entry: 'src/run-command.ts',
    leavesOut: RUN_LEAVES_OUT,
    // Loaded by it, so that the same rehearsals show what a start uses of both.
    companion: 'watch',
    starter: 'run',
    rehearsals: [
      ['run', '--bad-flag'],
      // Where no container can run, or only one of root's, the code that runs one is compiled at each start instead. The others have the head
      // start for which the first has remembered what it had.
      ...(process.getuid() === 0
        ? []
        : [
            ['run', '--rm', '--net', 'none', 'host', 'true'],
            ['run', '--rm', 'host', 'true'],
            ['run', '--rm', '--net', 'none', REHEARSAL_IMAGE, 'true'],
          ]),
    ],
    needsImage: true,
  },
  // The container is made by those above.
  daily: {
    entry: 'src/main.ts',
    leavesOut: allBut(DAILY),
    needsContainer: true,
    rehearsals: [
      ['images', '-q'],
      ['ps', '-a'],
      ['logs', CONTAINER],
      ['inspect', CONTAINER],
      ['stop', '-t', '0', CONTAINER],
      ['rm', '-f', CONTAINER],
      ['rm', '-f', 'nobody'],
    ],
  },
  life: {
    entry: 'src/main.ts',
    leavesOut: allBut(LIFE),
    needsContainer: true,
    rehearsals: [
      ['exec', '-e', 'A=b', CONTAINER, 'true'],
      ['restart', '-t', '0', CONTAINER],
    ],
  },
  // Small, and every start uses nearly all of it: V8 compiles it whole, into the code cache.
  init: { entry: 'src/init/main.ts', rehearsals: [], isWhollyUsed: true },
  watch: { entry: 'src/watch.ts', rehearsals: [] },
  monitor: { entry: 'src/monitor/main.ts', rehearsals: [] },
  unpack: { entry: 'src/unpack/main.ts', rehearsals: [] },
  'make-way': { entry: 'src/unpack/make-way.ts', rehearsals: [] },
  pack: { entry: 'src/pack/main.ts', rehearsals: [] },
  send: { entry: 'src/pack/send.ts', rehearsals: [] },
  receive: { entry: 'src/unpack/receive.ts', rehearsals: [] },
  hub: { entry: 'src/hub/main.ts', rehearsals: [] },
  resolver: { entry: 'src/resolver/main.ts', rehearsals: [] },
  'make-seam': { entry: 'src/pack/make-seam.ts', rehearsals: [] },
};

/** A rehearsal may fork, as `run` does, whose launcher says the same. */
const ALONE = ['--v8-pool-size=1', '--no-concurrent-sparkplug', '--no-concurrent-recompilation'];

/** What src/plan/security/prebuilt-filter.ts is given. */
const PREBUILT_FILTER = 'HUTCH_PREBUILT_FILTER';

const run = promisify(execFile);

async function main() {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { output: { type: 'string' } } });
  const chosen = Object.entries(PROGRAMS).filter(([name]) => positionals.length === 0 || positionals.includes(name));
  await removeLeftovers();
  const directory = await mkdtemp(join(WORKSHOP, `.hutch-build-${pid}-`));
  try {
    await chmod(directory, 0o755);
    // Rehearsals start other programs, so what is rehearsed comes last.
    const isRehearsed = ([, { rehearsals }]) => rehearsals.length > 0;
    await Promise.all([
      placeFiles(directory),
      ...chosen
        .filter((program) => !isRehearsed(program))
        .map(([name, program]) => makeProgram(directory, name, program)),
    ]);
    for (const [name, program] of chosen.filter(isRehearsed)) await makeProgram(directory, name, program);
    await takePlace(directory, values.output ?? join(ROOT, 'dist'));
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function makeProgram(directory, name, { entry, leavesOut, ...options }) {
  if (!(await exists(join(ROOT, entry)))) return;
  const stem = join(directory, name);
  await bundle(entry, `${stem}.js`, leavesOut);
  await copyFile(join(HERE, 'program-loader.cjs'), `${stem}.cjs`);
  await writeCodeCache(stem, options);
}

async function bundle(entry, outfile, leavesOut) {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // The loader calls this function with what a CommonJS module expects.
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '\n})' },
    charset: 'ascii',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // import() becomes a lazy require(): a vm script has no module loader of its own.
    supported: { 'dynamic-import': false },
    external: ['koffi', 'typescript'],
    plugins: [leaveOut(LEFT_OUT), ...(leavesOut === undefined ? [] : [leaveOut(leavesOut)]), lazyOclif],
    logLevel: 'warning',
  });
  const text = importBuiltinsOnUse(await readFile(outfile, 'utf8'));
  await writeFile(
    outfile,
    text.includes(PREBUILT_FILTER) ? declare(text, PREBUILT_FILTER, await prebuiltFilter()) : text,
  );
}

/** The bundle with a constant of that name. By `define` esbuild would make it a module, which all others load. */
function declare(bundle, name, value) {
  return bundle.replace('"use strict";', () => `"use strict";const ${name}=${JSON.stringify(value)};`);
}

/** The default profile of this processor and its filter: see src/plan/security/prebuilt-filter.ts. */
async function prebuiltFilter() {
  const [{ ARCHITECTURE_OF_NODE }, { DEFAULT_CAPABILITIES }, { defaultSeccompProfile }, { compileSeccomp }] =
    await Promise.all([
      import('../src/linux/syscalls.ts'),
      import('../src/linux/capabilities.ts'),
      import('../src/plan/security/default-profile.ts'),
      import('../src/plan/security/compile-seccomp.ts'),
    ]);
  const nativeArchitecture = ARCHITECTURE_OF_NODE[arch];
  const profile = defaultSeccompProfile(DEFAULT_CAPABILITIES, nativeArchitecture);
  const program = Buffer.from(compileSeccomp(profile, { nativeArchitecture })).toString('base64');
  return { profile: JSON.stringify(profile), program };
}

/** Modules of Node that are not part of its start-up snapshot: a command pays for them only when it uses them. */
const COSTLY =
  'child_process|crypto|dgram|fs/promises|http|https|module|net|readline|stream/promises|timers/promises|tls|tty|v8|zlib';

/** The bundle with the modules above loaded at the first use of one of their exports. */
function importBuiltinsOnUse(bundle) {
  const imports = new RegExp(`(?<!__toESM\\()\\brequire\\("(node:(?:${COSTLY}))"\\)`, 'gu');
  const later = 'const __later = (id) => new Proxy({}, { get: (_, name) => require(id)[name] });';
  return bundle.replace(imports, '__later("$1")').replace('"use strict";', `"use strict";${later}\n`);
}

async function writeCodeCache(
  stem,
  { rehearsals, companion, starter, needsImage, needsContainer, isWhollyUsed = false },
) {
  const home = await mkdtemp(`${stem}-home-`);
  const environment = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_DATA_HOME: home,
    XDG_RUNTIME_DIR: home,
    XDG_CONFIG_HOME: home,
  };
  try {
    if (needsImage) await makeImage(dirname(stem), home, environment);
    if (needsContainer) await startContainer(dirname(stem), environment);
    await run(
      execPath,
      [
        ...ALONE,
        join(HERE, 'write-code-cache.cjs'),
        stem,
        JSON.stringify({ runs: rehearsals, companion, starter, isWhollyUsed }),
      ],
      { env: environment },
    );
  } finally {
    if (needsContainer) await endContainer(dirname(stem), environment);
    await rm(home, { recursive: true, force: true });
  }
}

/** Where there can be none, what commands do with one is compiled when they do it. */
async function startContainer(directory, environment) {
  if (!(await exists(join(directory, 'run.cjs')))) return;
  const argv = ['run', '-d', '--name', CONTAINER, '--net', 'none', '--timeout', '60', 'host', 'sleep', '60'];
  await run(join(directory, 'hutch'), argv, { env: environment }).catch((error) => {
    process.stderr.write(`no container to rehearse with: ${error.message}\n`);
  });
}

/** A rehearsal may have stopped half-way. */
async function endContainer(directory, environment) {
  if (!(await exists(join(directory, 'run.cjs')))) return;
  const argv = [join(directory, 'hutch.cjs'), 'rm', '-f', CONTAINER];
  await run(execPath, argv, { env: environment }).catch(() => undefined);
}

/** Where there is none the run of it fails, and what that needs is compiled at each start. */
async function makeImage(directory, home, environment) {
  const [tree, tarball] = [join(home, 'tree'), join(home, 'tree.tar')];
  await mkdir(join(tree, 'etc'), { recursive: true });
  await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  try {
    await run('tar', ['-C', tree, '--owner=0', '--group=0', '-cf', tarball, '.']);
    await run(execPath, [join(directory, 'hutch.cjs'), 'image', 'import', tarball, REHEARSAL_IMAGE], {
      env: environment,
    });
  } catch (error) {
    process.stderr.write(`no image to rehearse with: ${error.message}\n`);
  }
}

async function placeFiles(directory) {
  const koffi = join(ROOT, 'node_modules', '@koromix', `koffi-linux-${arch}`, `linux_${arch}`, 'koffi.node');
  await copyFile(koffi, join(directory, 'koffi.node'));
  await linkOrCopy(execPath, join(directory, 'node'));
  await closeToOthers(join(directory, 'node'));
  const launcher = join(ROOT, 'src', 'launcher.sh');
  if (!(await exists(launcher))) return;
  await copyFile(launcher, join(directory, 'hutch'));
  await chmod(join(directory, 'hutch'), 0o755);
}

/** A hard link costs nothing; across file systems, or where links are forbidden, 120 MB are copied. */
async function linkOrCopy(from, to) {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(error.code)) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}

/** Some packages of node come with mode 0777: whoever can write to it acts as everybody who runs hutch. */
async function closeToOthers(file) {
  const { mode } = await stat(file);
  if ((mode & 0o022) !== 0) await chmod(file, mode & 0o7755);
}

/** rename(2) cannot replace a directory that is not empty, so the old one steps aside first. */
async function takePlace(directory, output) {
  const old = `${directory}.old`;
  const hadOutput = await exists(output);
  if (hadOutput) await rename(output, old);
  await rename(directory, output);
  if (hadOutput) await rm(old, { recursive: true, force: true });
}

/** Directories of builds that were interrupted: those whose process is gone. */
async function removeLeftovers() {
  for (const name of await readdir(WORKSHOP)) {
    const builder = /^\.hutch-build-(?<pid>\d+)-/u.exec(name)?.groups.pid;
    if (builder === undefined || (await exists(`/proc/${builder}`))) continue;
    await rm(join(WORKSHOP, name), { recursive: true, force: true });
  }
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}

main().catch((error) => {
  // What esbuild refuses it has printed already.
  if (error.errors === undefined) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
