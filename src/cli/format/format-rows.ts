/**
 * What `--format` does: a table, JSON, or a Go template over rows of data; pure, CLI process.
 * Import it where it is used (`await import('…/format-rows.ts')`), so that `-q` never pays for it.
 */

import { renderTable } from './table.ts';
import { parseTemplate } from './template-parser.ts';
import { executeTemplate } from './template.ts';

/** A column of a table, which is also the field `{{.name}}` of a template. */
export interface Column<Row> {
  /** Go-style field name: `ID`, `Names`, `Status`. */
  readonly name: string;
  /** Upper case, as docker writes it: `CONTAINER ID`. */
  readonly header: string;
  /** The cell for people: sizes and times in words. */
  readonly text: (row: Row) => string;
  /** False for fields that only templates show. */
  readonly isShown?: boolean;
}

export interface RowFormat<Row> {
  readonly columns: readonly Column<Row>[];
  /** The value of `--format`; undefined means a table. */
  readonly format?: string | undefined;
  /** What `json` shows of a row, and templates as fields beside the columns; the row itself when not given. */
  readonly json?: (row: Row) => object;
  /** False for `--noheading`. */
  readonly hasHeader?: boolean;
  /** What templates see beside the columns: values, and functions such as `.Label "key"`; what `json` gives when left out. */
  readonly extra?: (row: Row) => object;
  /** What stands in a table's heading for `extra`. */
  readonly extraHeading?: object;
}

/**
 * `rows` as `--format` asks: a table (default, or `table {{.A}}\t{{.B}}`), `json` for one array of the rows as they
 * are, or one line for each row by a template over the columns' texts and the row's other fields. No trailing line
 * feed; empty for no lines. Throws USAGE_INVALID naming a template it cannot read.
 */
export function formatRows<Row extends object>(rows: readonly Row[], options: RowFormat<Row>): string {
  const format = unescapeFormat(options.format ?? 'table');
  const { json = (row: Row): object => row } = options;
  if (format === 'json') return JSON.stringify(rows.map(json), undefined, 2);
  if (format === 'table') return renderTable(defaultCells(rows, options));
  const isTable = /^table\s/u.test(format);
  const template = parseTemplate(isTable ? format.replace(/^table\s+/u, '') : format);
  const lines = rows.map((row) => executeTemplate(template, fieldsOf(row, { ...options, json })));
  if (!isTable) return lines.join('\n');
  const headers = {
    ...options.extraHeading,
    ...Object.fromEntries(options.columns.map(({ name, header }) => [name, header])),
  };
  const heading = options.hasHeader === false ? [] : [executeTemplate(template, headers)];
  return renderTable([...heading, ...lines].map((line) => line.split('\t')));
}

/** `value` by `format`: `json`, or a Go template over its fields. */
export function formatOne(format: string, value: object): string {
  if (format === 'json') return JSON.stringify(value, undefined, 2);
  return executeTemplate(parseTemplate(unescapeFormat(format)), value);
}

function defaultCells<Row>(rows: readonly Row[], { columns, hasHeader }: RowFormat<Row>): string[][] {
  const shown = columns.filter(({ isShown }) => isShown !== false);
  const heading = hasHeader === false ? [] : [shown.map(({ header }) => header)];
  return [...heading, ...rows.map((row) => shown.map(({ text }) => text(row)))];
}

/** A column is worked out when a template asks for it: some cost reading files. */
function fieldsOf<Row extends object>(row: Row, { columns, extra, json }: RowFormat<Row>): object {
  const fields: object = { ...(extra ?? json)?.(row) };
  for (const { name, text } of columns) {
    Object.defineProperty(fields, name, { enumerable: true, configurable: true, get: () => text(row) });
  }
  return fields;
}

/** A shell's single quotes hand on `\t` as two characters; outside the template's own strings it means a tab. */
function unescapeFormat(format: string): string {
  const escapes: Readonly<Record<string, string>> = { '\\t': '\t', '\\n': '\n' };
  return format.trim().replace(/\{\{[\s\S]*?\}\}|\\[tn]/gu, (match) => escapes[match] ?? match);
}
