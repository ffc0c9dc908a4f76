/** A plan as a bash script that an ordinary user can run by hand, without hutch; pure. */
import { printable } from '../../errors/hutch-error.ts';
import type { Plan, Step } from '../step.ts';
import { hostStages } from './bash-enter.ts';
import { ASK_FUNCTION, CONTAINER_FUNCTIONS } from './bash-functions.ts';
import { bashStep, type BashStep } from './bash-step.ts';
import { containerDirectory } from './container-directory.ts';
import { describeStep } from './describe-step.ts';
import { shellWords } from './shell-quote.ts';
import { wrapText } from './wrap-text.ts';

const WIDTH = 110;

/** A step with its place in the plan, from 1, and its version in bash. */
interface Numbered {
  readonly number: number;
  readonly step: Step;
  readonly bash: BashStep;
}

const INTRODUCTION = [
  'A container by hand: this script does with util-linux, newuidmap and coreutils what hutch does with system calls.',
  'Save it to a file and run it as an ordinary user with `bash FILE`. Each step bears its number in the plan and its reason; what bash cannot do is said at its place and again at the end.',
  'The script starts itself anew with the name of a stage at each border that a process must cross by an execve(2). It prints nothing to stdout.',
];

/** The script, with a line feed at the end. Throws SPEC_INVALID when a value holds a NUL character. */
export function renderBash(plan: Plan): string {
  const steps = plan.steps.map((step, index) => ({ number: index + 1, step, bash: bashStep(step, plan) }));
  const isPrefixed = ({ bash }: Numbered): boolean => bash.prefix !== undefined;
  const border = steps.findLastIndex(isPrefixed) + 1;
  const host = hostStages(plan);
  const sections = [
    preamble(plan),
    ASK_FUNCTION,
    ...host.functions,
    rootStage(steps.slice(0, border), host.arrival),
    CONTAINER_FUNCTIONS,
    containerStage(steps.slice(border)),
    `case \${1-host} in\n  ${[...host.stages, 'root', 'container'].join(' | ')}) "\${1-host}" ;;\nesac`,
    summary(plan, steps),
  ];
  return `${sections.join('\n\n')}\n`;
}

function preamble({ enter }: Plan): string {
  return [
    '#!/usr/bin/env bash',
    ...INTRODUCTION.flatMap((text) => comment(text)),
    'set -euo pipefail',
    // Asked for the container whose network is joined, and seldom in a directory of the system.
    ...(enter.network === undefined ? [] : ['export HUTCH=${HUTCH:-$(command -v hutch)}']),
    'export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C',
    'umask 022',
    "STEP='the start of the namespaces'",
    'set -E',
    `trap '[ "$BASH_SUBSHELL" -gt 0 ] || echo "$0: failed at $STEP: $BASH_COMMAND" >&2; exit 125' ERR`,
    'if [ ! -f "$0" ]; then',
    "  echo 'save this script to a file first: it starts itself several times' >&2",
    '  exit 125',
    'fi',
  ].join('\n');
}

/** Inside the user and pid namespaces: becomes root and makes the remaining namespaces. */
function rootStage(steps: readonly Numbered[], arrival: readonly string[]): string {
  const prefix = steps.flatMap(({ bash }) => bash.prefix ?? []);
  const lines = steps.flatMap((numbered) => [
    ...blockHead(numbered),
    ...(numbered.bash.early ?? []),
    ...(numbered.bash.lines ?? []),
  ]);
  return shellFunction('root', [...arrival, ...lines, `exec ${shellWords(prefix)} "$BASH" "$0" container`]);
}

/** In all namespaces: the mounts, the pivot, then one chain of programs that ends in the payload. */
function containerStage(steps: readonly Numbered[]): string {
  const pivot = steps.findIndex(({ step }) => step.kind === 'pivot_root');
  const hoisted = steps.slice(pivot).filter(({ bash }) => bash.early !== undefined);
  const isEarly = (numbered: Numbered): boolean => hoisted.includes(numbered);
  const blocks = [
    ...steps
      .slice(0, pivot)
      .map((numbered) => block(numbered, [...(numbered.bash.early ?? []), ...(numbered.bash.lines ?? [])])),
    ...hoisted.map((numbered) =>
      block(numbered, numbered.bash.early ?? [], 'Here already, as programs of the host are needed.'),
    ),
    ...steps
      .slice(pivot)
      .filter((numbered) => !isEarly(numbered) || numbered.bash.lines !== undefined)
      .map((numbered) => block(numbered, numbered.bash.lines ?? [])),
  ];
  return shellFunction('container', [
    'local limits=() privileges=() environment=(-i) variables=() payload=() mask_of_files=0022 fd',
    'local host_program=(--inhibit-cache --library-path .)',
    'host_tool() { ./loader "${host_program[@]}" "./$@"; }',
    ...blocks.flat(),
    ...launch(steps.flatMap(({ bash }) => bash.lines ?? [])),
  ]);
}

/** The program of each link and the array of its options, which steps fill. */
const LINKS = [
  { program: 'prlimit', options: 'limits', end: '' },
  { program: 'setpriv', options: 'privileges', end: ' --' },
] as const;

// bash makes the path of `exec` absolute, but the tools are reachable through the working directory only.
function launch(lines: readonly string[]): string[] {
  const isFilled = (options: string): boolean => lines.some((line) => line.startsWith(`${options}+=`));
  const links = LINKS.filter(({ options }) => isFilled(options)).map(
    ({ program, options, end }) => `./${program} "\${${options}[@]}"${end} \\`,
  );
  const last = './env "${environment[@]}" -- "${variables[@]}" "${payload[@]}"';
  return [
    '',
    '# The chain: prlimit sets the limits, setpriv the ids and capabilities, env the rest; each executes the next.',
    "STEP='the start of the payload'",
    'umask "$mask_of_files"',
    'exec /proc/self/cwd/loader \\',
    ...[...links, last].map((link, index) => `${index === 0 ? '  ' : '  ./loader '}"\${host_program[@]}" ${link}`),
  ];
}

function block(numbered: Numbered, lines: readonly string[], note?: string): string[] {
  return ['', ...blockHead(numbered, note), ...lines];
}

function blockHead({ number, step, bash }: Numbered, note?: string): string[] {
  const name = `step ${String(number)} (${step.kind})`;
  return [
    ...comment(`${String(number)}. ${describeStep(step)}`),
    ...comment(`${step.why.text} [${step.why.spec}]`, '   '),
    ...(note === undefined ? [] : comment(note, '   ')),
    ...(bash.cannot === undefined ? [] : comment(`Not by bash: ${bash.cannot}.`, '   ')),
    `STEP='${name}'`,
  ];
}

function shellFunction(name: string, lines: readonly string[]): string {
  return [`${name}() {`, ...lines.map((line) => (line === '' ? '' : `  ${line}`)), '}'].join('\n');
}

function summary(plan: Plan, steps: readonly Numbered[]): string {
  const missing = steps.flatMap(({ number, step, bash }) =>
    bash.cannot === undefined ? [] : comment(`${String(number)}. ${step.kind}: ${bash.cannot}`, '- '),
  );
  return [
    ...comment('What this container lacks beside the one that hutch makes:'),
    ...missing,
    ...comment(
      'all mounts: made by path, not from descriptor to descriptor; whoever can write to the image while the script runs could redirect them',
      '- ',
    ),
    ...comment('the environment: readable in the arguments of env for the moment before the payload starts', '- '),
    ...(plan.prepare.directories.length === 0
      ? []
      : comment(
          `the clean-up: ${containerDirectory(plan)} stays on disk; \`unshare --user --map-root-user --map-auto rm -rf\` removes it`,
          '- ',
        )),
    ...(hasProc(plan) ? [] : comment('the payload does not start: the chain needs /proc in the container', '- ')),
  ].join('\n');
}

function hasProc(plan: Plan): boolean {
  return plan.steps.some(
    (step) => (step.kind === 'mount' || step.kind === 'bind') && ['/proc', '/'].includes(step.target),
  );
}

/** Comment lines for a text of any content: no line feed in it can end the comment. */
function comment(text: string, indent = ''): string[] {
  const rest = ' '.repeat(indent.length);
  return wrapText(printable(text), { first: `# ${indent}`, rest: `# ${rest}`, width: WIDTH });
}
