/** Reads the part of Go's text/template that docker's users write; pure, CLI process. Source: pkg.go.dev/text/template. */

import { HutchError } from '../../errors/hutch-error.ts';

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'dot'; readonly path: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'call'; readonly name: string }
  | { readonly kind: 'group'; readonly pipeline: Pipeline; readonly path: readonly string[] };

/** A command is a function with its arguments, or one value alone; each hands its result to the next. */
export type Pipeline = readonly (readonly Operand[])[];

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | { readonly kind: 'if' | 'with'; readonly pipeline: Pipeline; readonly then: Piece[]; readonly otherwise: Piece[] }
  | {
      readonly kind: 'range';
      readonly pipeline: Pipeline;
      readonly variables: readonly string[];
      readonly then: Piece[];
      readonly otherwise: Piece[];
    };

export interface Template {
  readonly source: string;
  readonly pieces: readonly Piece[];
}

type Block = Extract<Piece, { then: Piece[] }>;

interface OpenBlock {
  /** The block that `{{end}}` closes; undefined for the whole template. */
  readonly block: Block | undefined;
  /** How many blocks that `{{end}}` closes at once: `{{else if}}` opens one more. */
  readonly depth: number;
  pieces: Piece[];
  hasElse: boolean;
}

const ACTION =
  /\{\{(?<trimLeft>-(?=\s))?(?<body>(?:"(?:\\.|[^"\\])*"|`[^`]*`|\}(?!\})|[^}"`])*?)(?<trimRight>(?<=\s)-)?\}\}/gu;
const TOKEN =
  /\s*(?:(?<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?<number>-?\d+(?:\.\d+)?)|(?<variable>\$\w*)|(?<path>\.\w*)|(?<word>[A-Za-z_]\w*)|(?<mark>:=|[|(),]))/uy;

/** The pieces of a template's `source`. Throws USAGE_INVALID that quotes the source. */
export function parseTemplate(source: string): Template {
  const stack: OpenBlock[] = [{ block: undefined, depth: 0, pieces: [], hasElse: false }];
  let position = 0;
  let isTrimmed = false;
  const addText = (text: string): void => {
    if (text.includes('{{')) throw templateError(source, 'a {{ has no }}');
    if (text !== '') top(stack).pieces.push({ kind: 'text', text });
  };
  for (const match of source.matchAll(ACTION)) {
    const { trimLeft, body = '', trimRight } = match.groups ?? {};
    const before = source.slice(position, match.index);
    const left = isTrimmed ? before.trimStart() : before;
    addText(trimLeft === undefined ? left : left.trimEnd());
    addAction(stack, body.trim(), source);
    position = match.index + match[0].length;
    isTrimmed = trimRight !== undefined;
  }
  addText(isTrimmed ? source.slice(position).trimStart() : source.slice(position));
  const whole = top(stack);
  if (whole.block !== undefined) throw templateError(source, `{{${whole.block.kind}}} has no {{end}}`);
  return { source, pieces: whole.pieces };
}

/** The error for a template that cannot be read or carried out. */
export function templateError(
  source: string,
  reason: string,
  hint = 'See hutch COMMAND --help for fields',
): HutchError {
  return new HutchError(`bad template "${source}": ${reason}`, { code: 'USAGE_INVALID', hint });
}

function addAction(stack: OpenBlock[], body: string, source: string): void {
  if (body.startsWith('/*') && body.endsWith('*/')) return;
  const [keyword = ''] = /^\w+/u.exec(body) ?? [];
  const rest = body.slice(keyword.length);
  if (keyword === 'if' || keyword === 'with' || keyword === 'range') openBlock(stack, keyword, rest, 1, source);
  else if (keyword === 'else') addElse(stack, rest.trim(), source);
  else if (keyword === 'end') closeBlock(stack, source);
  else top(stack).pieces.push({ kind: 'print', pipeline: parsePipeline(body, source) });
}

function openBlock(stack: OpenBlock[], kind: Block['kind'], text: string, depth: number, source: string): void {
  const block = kind === 'range' ? parseRange(text, source) : conditionBlock(kind, parsePipeline(text, source));
  top(stack).pieces.push(block);
  stack.push({ block, depth, pieces: block.then, hasElse: false });
}

function conditionBlock(kind: 'if' | 'with', pipeline: Pipeline): Block {
  return { kind, pipeline, then: [], otherwise: [] };
}

function parseRange(text: string, source: string): Block {
  const declaration = /^\s*(?<names>\$\w+(?:\s*,\s*\$\w+)?)\s*:=/u.exec(text);
  const variables = declaration?.groups?.['names']?.split(',').map((name) => name.trim()) ?? [];
  const pipeline = parsePipeline(text.slice(declaration?.[0].length ?? 0), source);
  return { kind: 'range', pipeline, variables, then: [], otherwise: [] };
}

function addElse(stack: OpenBlock[], rest: string, source: string): void {
  const open = top(stack);
  if (open.block === undefined || open.hasElse) throw templateError(source, '{{else}} stands outside a block');
  open.hasElse = true;
  open.pieces = open.block.otherwise;
  if (rest === '') return;
  if (!/^if\b/u.test(rest)) throw templateError(source, `{{else ${rest}}} is not known`);
  openBlock(stack, 'if', rest.slice('if'.length), open.depth + 1, source);
}

function closeBlock(stack: OpenBlock[], source: string): void {
  const { depth } = top(stack);
  if (depth === 0) throw templateError(source, '{{end}} closes nothing');
  stack.splice(stack.length - depth, depth);
}

function top(stack: readonly OpenBlock[]): OpenBlock {
  const open = stack.at(-1);
  if (open === undefined) throw new Error('the template stack is never empty');
  return open;
}

/** The commands of an action such as `.Names | join "," | upper`. */
function parsePipeline(text: string, source: string): Pipeline {
  const tokens = tokenize(text, source);
  const pipeline = readPipeline(tokens, source);
  const surplus = tokens[0];
  if (surplus !== undefined) throw templateError(source, `"${surplus.text}" is not expected in {{${text.trim()}}}`);
  return pipeline;
}

interface Token {
  readonly kind: string;
  readonly text: string;
  /** True when white space stands before it: `.A.B` is one path, `.A .B` are two values. */
  readonly isApart: boolean;
}

function tokenize(text: string, source: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (text.slice(pattern.lastIndex).trim() !== '') {
    const rest = text.slice(pattern.lastIndex);
    const groups: Partial<Record<string, string>> = pattern.exec(text)?.groups ?? {};
    const [kind, value] = Object.entries(groups).find(([, found]) => found !== undefined) ?? [];
    if (kind === undefined || value === undefined) throw templateError(source, `cannot read "${rest.trim()}"`);
    tokens.push({ kind, text: value, isApart: /^\s/u.test(rest) });
  }
  return tokens;
}

function readPipeline(tokens: Token[], source: string): Pipeline {
  const commands = [readCommand(tokens, source)];
  while (tokens[0]?.text === '|' && tokens[0].kind === 'mark') {
    tokens.shift();
    commands.push(readCommand(tokens, source));
  }
  return commands;
}

function readCommand(tokens: Token[], source: string): Operand[] {
  const operands: Operand[] = [];
  for (let next = tokens[0]; next !== undefined && !isEnd(next); next = tokens[0])
    operands.push(readOperand(tokens, source));
  if (operands.length === 0) throw templateError(source, 'a value is missing');
  return operands;
}

function isEnd({ kind, text }: Token): boolean {
  return kind === 'mark' && text !== '(';
}

function readOperand(tokens: Token[], source: string): Operand {
  const { kind, text } = takeToken(tokens, source);
  if (kind === 'string')
    return { kind: 'literal', value: text.startsWith('`') ? text.slice(1, -1) : unquote(text, source) };
  if (kind === 'number') return { kind: 'literal', value: Number(text) };
  if (kind === 'path') return { kind: 'dot', path: [...namesOf(text), ...readPath(tokens)] };
  if (kind === 'variable') return { kind: 'variable', name: text, path: readPath(tokens) };
  if (kind === 'word') return wordOperand(text);
  const pipeline = readPipeline(tokens, source);
  if (takeToken(tokens, source).text !== ')') throw templateError(source, 'a ( has no )');
  return { kind: 'group', pipeline, path: readPath(tokens) };
}

function wordOperand(word: string): Operand {
  if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' };
  return word === 'nil' ? { kind: 'literal', value: null } : { kind: 'call', name: word };
}

function takeToken(tokens: Token[], source: string): Token {
  const token = tokens.shift();
  if (token === undefined) throw templateError(source, 'it ends too early');
  return token;
}

function readPath(tokens: Token[]): string[] {
  const names: string[] = [];
  while (tokens[0]?.kind === 'path' && !tokens[0].isApart) names.push(...namesOf(tokens.shift()?.text ?? ''));
  return names;
}

function namesOf(dotted: string): string[] {
  return dotted === '.' ? [] : [dotted.slice(1)];
}

function unquote(text: string, source: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw templateError(source, `cannot read the string ${text}`);
  }
}
