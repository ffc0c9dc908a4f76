/** The functions of `--format` templates, and how Go prints and weighs values; pure, CLI process. */

type Fail = (reason: string) => Error;
type TemplateFunction = (given: readonly unknown[], fail: Fail) => unknown;

/** By name; each takes the arguments in order (a piped value last) and a maker of errors. */
export const TEMPLATE_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: ([value]) => JSON.stringify(value ?? null),
  join: ([first, second], fail) => {
    // docker writes `join .Names ","`, a pipe puts the list last: `.Names | join ","`.
    const [list, separator] = Array.isArray(first) ? [first, second] : [second, first];
    if (!Array.isArray(list)) throw fail(`${goText(list)} is not a list`);
    return list.map(goText).join(textOf(separator, fail));
  },
  split: ([text, separator], fail) => textOf(text, fail).split(textOf(separator, fail)),
  upper: ([text], fail) => textOf(text, fail).toUpperCase(),
  lower: ([text], fail) => textOf(text, fail).toLowerCase(),
  title: ([text], fail) => textOf(text, fail).replace(/(?<=^|\s)\S/gu, (letter) => letter.toUpperCase()),
  pad: ([text, before, after], fail) => padText(textOf(text, fail), numberOf(before, fail), numberOf(after, fail)),
  truncate: ([text, length], fail) => textOf(text, fail).slice(0, numberOf(length, fail)),
  slice: ([value, start, end], fail) => sliceOf(value, [start ?? 0, end], fail),
  urlquery: (given) => encodeURIComponent(given.map(goText).join('')).replaceAll('%20', '+'),
  len: ([value], fail) => lengthOf(value, fail),
  index: ([value, ...keys], fail) => keys.reduce((current, key) => elementOf(current, key, fail), value),
  print: (given) => given.map(goText).join(''),
  println: (given) => `${given.map(goText).join(' ')}\n`,
  printf: ([pattern, ...given], fail) => formatPrintf(textOf(pattern, fail), given, fail),
  eq: ([first, ...others]) => others.some((other) => isEqual(first, other)),
  ne: ([first, second]) => !isEqual(first, second),
  lt: ([first, second], fail) => order(first, second, fail) < 0,
  le: ([first, second], fail) => order(first, second, fail) <= 0,
  gt: ([first, second], fail) => order(first, second, fail) > 0,
  ge: ([first, second], fail) => order(first, second, fail) >= 0,
  not: ([value]) => !isTruthy(value),
  // findIndex() gives -1 for none, and at(-1) is the last, as Go wants it.
  and: (given) => given.at(given.findIndex((value) => !isTruthy(value))),
  or: (given) => given.at(given.findIndex(isTruthy)),
};

/** `value` as Go's fmt prints it: lists as `[a b]`, maps as `map[k:v]`. */
export function goText(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object') {
    const isData = ([, item]: [string, unknown]): boolean => typeof item !== 'function';
    const entries = Object.entries(value)
      .filter(isData)
      .sort(([left], [right]) => (left < right ? -1 : 1));
    return `map[${entries.map(([key, item]) => `${key}:${goText(item)}`).join(' ')}]`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** False for false, 0, empty text, empty lists and maps, and nothing at all, as in Go. */
export function isTruthy(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function isEqual(left: unknown, right: unknown): boolean {
  return left === right || goText(left) === goText(right);
}

function textOf(value: unknown, fail: Fail): string {
  if (typeof value !== 'string') throw fail(`${goText(value)} is not text`);
  return value;
}

/** Not below 0: a length or a place. */
function numberOf(value: unknown, fail: Fail): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw fail(`${goText(value)} is no number, or below 0`);
}

/** As docker's: nothing stays nothing. */
function padText(text: string, before: number, after: number): string {
  return text === '' ? '' : `${' '.repeat(before)}${text}${' '.repeat(after)}`;
}

function sliceOf(value: unknown, [from, to]: readonly [unknown, unknown], fail: Fail): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw fail(`${goText(value)} is no text and no list`);
  const start = numberOf(from, fail);
  const end = to === undefined ? value.length : numberOf(to, fail);
  if (start > end || end > value.length) throw fail(`${String(start)} to ${String(end)} of ${String(value.length)}`);
  return value.slice(start, end);
}

/** Below 0 when `left` comes first. */
function order(left: unknown, right: unknown, fail: Fail): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : Number(left > right);
  throw fail(`${goText(left)} and ${goText(right)} have no order`);
}

function lengthOf(value: unknown, fail: Fail): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw fail(`${goText(value)} has no length`);
}

function elementOf(value: unknown, key: unknown, fail: Fail): unknown {
  if (Array.isArray(value)) {
    if (typeof key !== 'number' || key < 0 || key >= value.length) {
      throw fail(`there is no element ${goText(key)} in a list of ${String(value.length)}`);
    }
    return value[key];
  }
  if (typeof value !== 'object' || value === null) throw fail(`${goText(value)} is no list and no map`);
  const name = goText(key);
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

const VERB = /%(?<flag>[-0]?)(?<width>\d*)(?:\.(?<digits>\d+))?(?<verb>.)/gsu;

function formatPrintf(pattern: string, given: readonly unknown[], fail: Fail): string {
  let next = 0;
  const text = pattern.replace(VERB, (whole, flag: string, width: string, digits: string | undefined, verb: string) => {
    if (verb === '%') return '%';
    if (next >= given.length) throw fail(`${whole} has no argument`);
    const formatted = formatVerb(verb, given[next], digits, fail);
    next += 1;
    const padding = flag === '0' ? '0' : ' ';
    return flag === '-' ? formatted.padEnd(Number(width)) : formatted.padStart(Number(width), padding);
  });
  if (next < given.length) throw fail(`"${pattern}" leaves ${String(given.length - next)} arguments over`);
  return text;
}

function formatVerb(verb: string, value: unknown, digits: string | undefined, fail: Fail): string {
  if (verb === 's' || verb === 'v')
    return digits === undefined ? goText(value) : goText(value).slice(0, Number(digits));
  if (verb === 'q') return JSON.stringify(goText(value));
  if (verb === 't' && typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && verb === 'd') return String(Math.trunc(value));
  if (typeof value === 'number' && verb === 'f') return value.toFixed(Number(digits ?? 6));
  throw fail(`%${verb} does not fit ${goText(value)}`);
}
