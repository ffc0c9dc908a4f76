/** Carries out a parsed Go template over plain data; pure, CLI process. Source: pkg.go.dev/text/template. */

import { closest } from '../closest.ts';
import { templateError, type Operand, type Piece, type Pipeline, type Template } from './template-parser.ts';
import { goText, isTruthy, TEMPLATE_FUNCTIONS } from './template-functions.ts';

interface Scope {
  readonly source: string;
  readonly root: object;
  readonly dot: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * The text of `template` for the fields of `root`. A first name that `root` does not have is an error, since it is a
 * misspelled field; a missing key further down is `<no value>`, since maps such as labels differ from row to row.
 */
export function executeTemplate({ source, pieces }: Template, root: object): string {
  return renderPieces(pieces, { source, root, dot: root, variables: { $: root } });
}

function renderPieces(pieces: readonly Piece[], scope: Scope): string {
  return pieces.map((piece) => renderPiece(piece, scope)).join('');
}

function renderPiece(piece: Piece, scope: Scope): string {
  if (piece.kind === 'text') return piece.text;
  const value = evaluatePipeline(piece.pipeline, scope);
  if (piece.kind === 'print') return goText(value);
  if (piece.kind === 'range') return renderRange(piece, value, scope);
  if (!isTruthy(value)) return renderPieces(piece.otherwise, scope);
  return renderPieces(piece.then, piece.kind === 'with' ? { ...scope, dot: value } : scope);
}

function renderRange(piece: Extract<Piece, { kind: 'range' }>, value: unknown, scope: Scope): string {
  const entries = entriesOf(value, scope.source);
  if (entries.length === 0) return renderPieces(piece.otherwise, scope);
  return entries
    .map(([key, dot]) => {
      const [first, second] = piece.variables;
      const named = second === undefined ? { [first ?? '']: dot } : { [first ?? '']: key, [second]: dot };
      return renderPieces(piece.then, { ...scope, dot, variables: { ...scope.variables, ...named } });
    })
    .join('');
}

/** Elements of a list with their index, of a map with their key in order. */
function entriesOf(value: unknown, source: string): readonly (readonly [string | number, unknown])[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value !== 'object')
    throw templateError(source, `range over ${goText(value)}, which is no list and no map`);
  return Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
}

function evaluatePipeline(pipeline: Pipeline, scope: Scope): unknown {
  let piped: unknown[] = [];
  for (const command of pipeline) piped = [evaluateCommand(command, piped, scope)];
  return piped[0];
}

/** As in Go, what the command before it gave is the last argument. */
function evaluateCommand([head, ...operands]: readonly Operand[], piped: readonly unknown[], scope: Scope): unknown {
  if (head === undefined) return undefined;
  const given = [...operands.map((operand) => evaluateOperand(operand, scope)), ...piped];
  if (head.kind === 'call') return callFunction(head.name, given, scope.source);
  const value = evaluateOperand(head, scope);
  if (typeof value === 'function') return (value as (...words: readonly unknown[]) => unknown)(...given);
  if (given.length > 0) throw templateError(scope.source, 'arguments are given to something that is not a function');
  return value;
}

function evaluateOperand(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case 'literal':
      return operand.value;
    case 'call':
      return callFunction(operand.name, [], scope.source);
    case 'group':
      return follow(evaluatePipeline(operand.pipeline, scope), operand.path, scope);
    case 'dot':
      return follow(scope.dot, operand.path, scope);
    case 'variable':
      if (!Object.hasOwn(scope.variables, operand.name))
        throw templateError(scope.source, `${operand.name} is not set`);
      return follow(scope.variables[operand.name], operand.path, scope);
  }
}

function callFunction(name: string, given: readonly unknown[], source: string): unknown {
  const call = Object.hasOwn(TEMPLATE_FUNCTIONS, name) ? TEMPLATE_FUNCTIONS[name] : undefined;
  const names = Object.keys(TEMPLATE_FUNCTIONS);
  if (call === undefined)
    throw templateError(source, `there is no function "${name}"`, `Use one of ${names.join(', ')}`);
  return call(given, (reason) => templateError(source, `${name}: ${reason}`));
}

function follow(value: unknown, path: readonly string[], { root, source }: Scope): unknown {
  const [first] = path;
  if (value === root && first !== undefined && !Object.hasOwn(root, first)) throw unknownField(first, root, source);
  return path.reduce<unknown>((current, name) => fieldOf(current, name), value);
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function unknownField(name: string, root: object, source: string): Error {
  const fields = Object.keys(root);
  const near = closest(name, fields) ?? fields.find((field) => field.toLowerCase() === name.toLowerCase());
  const all = `The fields are ${fields.map((field) => `.${field}`).join(' ')}`;
  return templateError(
    source,
    `there is no field .${name}`,
    near === undefined ? all : `Did you mean .${near}? ${all}`,
  );
}
