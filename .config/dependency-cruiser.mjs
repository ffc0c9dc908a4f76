/** The architecture as data: which folder of src/ may import which, and why. `npm run layers` and a unit test check it. */

/**
 * Order = architecture: a row may import only rows above it, and of those only the ones in `may`.
 * A folder of src/ without a row fails the check.
 */
export const LAYERS = {
  errors: { may: [], because: 'Every process and every layer throws these, so they can lean on nothing.' },
  linux: { may: [], because: 'The vocabulary of the kernel is data; data needs no code from elsewhere.' },
  oci: {
    may: ['errors', 'linux'],
    because: 'Formats are parsed from untrusted JSON; that must be testable without a host.',
  },
  plan: {
    may: ['errors', 'linux', 'oci'],
    because: 'Whatever is decided about a container is decided here, purely: spec and facts in, steps out.',
  },
  syscall: {
    may: ['errors', 'linux'],
    because: 'Foreign calls are the most dangerous code; they know numbers and structs, never containers.',
  },
  host: { may: ['errors', 'linux'], because: 'What a machine offers is found out before any container is thought of.' },
  protocol: {
    may: ['errors', 'oci', 'plan'],
    because: 'Messages between processes are the only coupling between programs; they carry plans and errors.',
  },
  userns: {
    may: ['errors', 'linux', 'host'],
    because: 'Id maps and entering a user namespace precede containers and images alike.',
  },
  state: {
    may: ['errors', 'linux', 'oci', 'host'],
    because: 'Records on disk outlive any version of the code above; they know formats and directories only.',
  },
  archive: {
    may: ['errors'],
    because:
      'The tar format and its compressions, for the unpack program and the image store alike; no files, no sockets.',
  },
  drivers: {
    may: ['errors', 'linux', 'oci', 'host', 'userns', 'state'],
    because: 'A driver is a part that is chosen at run time; it must not know who chose it.',
  },
  images: {
    may: ['errors', 'oci', 'host', 'userns', 'state', 'archive', 'protocol'],
    because: 'Images exist without containers; protocol only to speak with the unpack program.',
  },
  init: {
    may: ['errors', 'linux', 'plan', 'syscall', 'protocol'],
    because: 'Runs inside the container: it starts fast, is short to audit, and never sees the spec or the host.',
  },
  unpack: {
    may: ['errors', 'linux', 'syscall', 'protocol', 'archive'],
    types: ['images/layer'],
    because:
      'Handles hostile archives in a user namespace of its own; of images it knows the shape of a layer, no code.',
  },
  pack: {
    may: ['errors', 'linux', 'syscall', 'protocol', 'archive'],
    types: ['images/layer'],
    because: 'The reverse of unpack: reads what a container has written, which is as hostile as an archive.',
  },
  resolver: {
    may: ['errors', 'linux', 'syscall', 'protocol'],
    because: 'Answers whatever containers send it, so it knows names and addresses only; it is told all it knows.',
  },
  monitor: {
    may: ['errors', 'linux', 'oci', 'plan', 'host', 'protocol', 'userns', 'state', 'drivers', 'syscall'],
    because: 'Watches one container; syscall because terminals and pid file descriptors are foreign calls.',
  },
  hub: {
    may: ['errors', 'linux', 'oci', 'plan', 'host', 'protocol', 'userns', 'state', 'drivers', 'syscall', 'monitor'],
    because:
      'Holds the networks of all containers of a user, and serves their monitors; how helpers are run, and who may ask, it knows from monitor.',
  },
  engine: {
    may: [
      'errors',
      'linux',
      'oci',
      'plan',
      'host',
      'protocol',
      'userns',
      'state',
      'archive',
      'drivers',
      'images',
      'monitor',
    ],
    because: 'Use cases; monitor because the process of a foreground container supervises it by itself. No syscalls.',
  },
  cli: { may: ['errors', 'oci', 'engine'], because: 'Shows what the engine returns; anything else is a use case.' },
};

/** Folders that decide and describe: no file, socket, clock or process can be reached from them. */
export const PURE = ['errors', 'linux', 'oci', 'plan', 'protocol'];

/** Programs that are started and spoken to, never imported. */
const PROGRAMS = ['init', 'unpack', 'pack', 'hub', 'resolver'];

/** Maps the words that a user types to the command that answers; the only importer of commands/. */
const COMMAND_TABLE = '^src/cli/command-table[.]ts$';

const any = (names) => `(${names.join('|')})`;
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

function layerRule([name, { may, types = [], because }]) {
  const reach = [name, ...may, ...types];
  return forbid(
    `layer-${name}`,
    `src/${name} may import ${[...may, ...types.map((folder) => `types of ${folder}`)].join(', ') || 'nothing'}. ${because}`,
    { path: `^src/${name}/` },
    { path: '^src/', pathNot: `^src/${any(reach)}/` },
  );
}

function typesOnlyRules([name, { types = [] }]) {
  return types.map((folder) =>
    forbid(
      `layer-${name}-types`,
      `src/${name} shares the types of src/${folder}, not its code: use \`import type\`.`,
      { path: `^src/${name}/` },
      { path: `^src/${folder}/`, dependencyTypesNot: ['type-only'] },
    ),
  );
}

/** `packages` may be imported below `folders` only. */
function onlyIn(name, packages, folders, comment) {
  return forbid(
    name,
    comment,
    { pathNot: `^${any(folders)}` },
    { path: [`(^|/)node_modules/${any(packages)}/`, `^${any(packages)}$`] },
  );
}

const layerRules = Object.entries(LAYERS).flatMap((row) => [layerRule(row), ...typesOnlyRules(row)]);

const houseRules = [
  forbid(
    'layer-is-declared',
    'A folder of src/ needs a row in LAYERS: decide what it may import before it exists.',
    {},
    { path: '^src/', pathNot: `^src/((main|run|run-command|watch)[.]ts$|${any(Object.keys(LAYERS))}/)` },
  ),
  forbid(
    'layer-is-declared-from',
    'A folder of src/ needs a row in LAYERS: decide what it may import before it exists.',
    { path: '^src/', pathNot: `^src/((main|run|run-command|watch)[.]ts$|${any(Object.keys(LAYERS))}/)` },
    {},
  ),
  forbid(
    'layer-main',
    'The executable hands over to cli/ and is imported by nobody.',
    { path: '^src/(main|run-command|watch)[.]ts$' },
    { path: '^src/', pathNot: '^src/(cli|errors)/' },
  ),
  forbid(
    'layer-run',
    'It forks before anything else is loaded, and hands over to run-command; whatever it knew would be in every container for a moment.',
    { path: '^src/run[.]ts$' },
    { path: '^src/', pathNot: '^src/(monitor/(fork-init|head-start)|host/load-program)[.]ts$' },
  ),
  forbid(
    'layer-commands',
    'A command is thin: flags to the engine, its answer to the printer.',
    { path: '^commands/' },
    { path: '^src/', pathNot: '^src/(cli|engine|errors)/' },
  ),
  forbid(
    'commands-by-the-table-only',
    'Commands are leaves: what two of them share belongs to cli/ or engine/.',
    { pathNot: [COMMAND_TABLE, '^commands/', '^src/cli/dispatch-run[.]ts$'] },
    { path: '^commands/' },
  ),
  forbid(
    'commands-are-loaded-lazily',
    'One command is evaluated per process; loading the others would cost more than the container.',
    { path: COMMAND_TABLE },
    { path: '^commands/', dependencyTypesNot: ['dynamic-import'] },
  ),
  forbid(
    'pure-layers-touch-no-host',
    'What decides must be testable anywhere and give the same answer twice: of node only path arithmetic, no packages.',
    { path: `^src/${any(PURE)}/` },
    {
      dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
      pathNot: '^(node:)?path(/posix)?$',
    },
  ),
  forbid(
    'driver-families-are-siblings',
    'Network, storage, cgroups and volumes are chosen independently of each other.',
    { path: '^src/drivers/([^/]+)/' },
    { path: '^src/drivers/[^/]+/', pathNot: '^src/drivers/$1/' },
  ),
  forbid(
    'drivers-are-siblings',
    'One driver can be deleted without touching another; what two share belongs to the family.',
    { path: '^src/drivers/([^/]+)/([^/]+)/' },
    { path: '^src/drivers/$1/[^/]+/', pathNot: '^src/drivers/$1/$2/' },
  ),
  onlyIn('koffi-in-syscall-only', ['koffi'], ['src/syscall/'], 'One folder to audit for foreign calls.'),
  onlyIn(
    'child-process-where-processes-start',
    ['(node:)?child_process'],
    ['src/host/', 'src/userns/', 'src/monitor/'],
    'Helpers are run with a clean environment and a time limit; only these folders do that.',
  ),
  onlyIn(
    'oclif-in-cli-only',
    ['@oclif'],
    ['src/cli/', 'src/(main|run|run-command|watch)[.]ts$', 'commands/'],
    'The engine works without a CLI.',
  ),
  onlyIn(
    'lockfile-in-state-only',
    ['proper-lockfile'],
    ['src/state/'],
    'Locking order can be reasoned about in one place.',
  ),
  forbid(
    'programs-are-not-imported',
    'A process boundary is not an import: start the program and speak protocol/ with it.',
    { path: '^(src/([^/]+)/|commands/|src/(main|run|run-command|watch)[.]ts$)' },
    { path: [`^src/${any(PROGRAMS)}/`, '^src/(main|run|run-command|watch)[.]ts$'], pathNot: '^src/$2/' },
  ),
  forbid(
    'no-circular',
    'Data flows one way; so do imports, also those of types. Only the lazy command table may close a circle.',
    {},
    { circular: true, viaOnly: { pathNot: COMMAND_TABLE } },
  ),
  forbid(
    'not-to-unresolvable',
    'An import that resolves to nothing escapes every other rule.',
    {},
    { couldNotResolve: true },
  ),
];

export default {
  forbidden: [...layerRules, ...houseRules],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // Packages that ship ES modules only would count as unresolvable otherwise.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
