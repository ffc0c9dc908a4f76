/** Unit tests of `--format`: tables, JSON and Go templates. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatOne, formatRows, type Column } from '../../../src/cli/format/format-rows.ts';
import { HutchError } from '../../../src/errors/hutch-error.ts';

interface Row {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Size: number;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: { readonly Running: boolean; readonly ExitCode: number };
}

const ROWS: readonly Row[] = [
  {
    Id: 'aaa',
    Names: ['web', 'www'],
    Size: 1500,
    Labels: { app: 'x', tier: '1' },
    State: { Running: true, ExitCode: 0 },
  },
  { Id: 'bbb', Names: ['db'], Size: 20, Labels: {}, State: { Running: false, ExitCode: 3 } },
];

const COLUMNS: readonly Column<Row>[] = [
  { name: 'ID', header: 'CONTAINER ID', text: ({ Id }) => Id },
  { name: 'Size', header: 'SIZE', text: ({ Size }) => `${String(Size)}B` },
  { name: 'Hidden', header: 'HIDDEN', text: () => 'h', isShown: false },
];

const format = (text: string | undefined): string => formatRows(ROWS, { columns: COLUMNS, format: text });

function refusal(text: string): HutchError {
  try {
    format(text);
  } catch (error) {
    assert.ok(error instanceof HutchError, String(error));
    assert.equal(error.code, 'USAGE_INVALID');
    assert.ok(error.message.startsWith(`bad template "${text}": `), error.message);
    return error;
  }
  return assert.fail(`${text} was accepted`);
}

describe('formatRows()', () => {
  it('prints a table of the shown columns when no format is given', () => {
    assert.equal(format(undefined), 'CONTAINER ID   SIZE\naaa            1500B\nbbb            20B');
    assert.equal(format('table'), format(undefined));
  });

  it('leaves the header out when asked', () => {
    assert.equal(formatRows(ROWS, { columns: COLUMNS, hasHeader: false }), 'aaa   1500B\nbbb   20B');
  });

  it('prints the header alone when there are no rows', () => {
    assert.equal(formatRows([], { columns: COLUMNS }), 'CONTAINER ID   SIZE');
    assert.equal(formatRows([], { columns: COLUMNS, format: '{{.ID}}' }), '');
  });

  it('prints one JSON array of the rows as they are', () => {
    assert.deepEqual(JSON.parse(format('json')), ROWS);
    assert.deepEqual(JSON.parse(formatRows([], { columns: COLUMNS, format: 'json' })), []);
  });

  it("prints a template's table with headers and tabs written as \\t", () => {
    assert.equal(format(String.raw`table {{.Size}}\t{{.ID}}`), 'SIZE    CONTAINER ID\n1500B   aaa\n20B     bbb');
  });

  it('prints the human text of a column, and any other field of the row', () => {
    assert.equal(
      format('{{.Hidden}} {{.Size}} {{.State.ExitCode}} {{.State.Running}}'),
      'h 1500B 0 true\nh 20B 3 false',
    );
  });

  it('calls functions that are given beside the columns, which take the place of the other fields', () => {
    const options = {
      columns: COLUMNS,
      extra: ({ Labels }: Row) => ({ Label: (key: unknown) => Labels[String(key)] ?? '' }),
      extraHeading: { Label: (key: unknown) => `of ${String(key)}` },
    };
    assert.equal(formatRows(ROWS, { ...options, format: '{{.Label "app"}}:{{.ID}}' }), 'x:aaa\n:bbb');
    assert.equal(
      formatRows(ROWS, { ...options, format: 'table {{.ID}}\t{{.Label "tier"}}' }),
      'CONTAINER ID   of tier\naaa            1\nbbb',
    );
    assert.throws(() => formatRows(ROWS, { ...options, format: '{{.State}}' }), /there is no field \.State/u);
  });

  it('works a column out only when it is asked for', () => {
    const costly: Column<Row> = {
      name: 'Costly',
      header: 'COSTLY',
      text: () => assert.fail('worked out'),
      isShown: false,
    };
    const options = { columns: [...COLUMNS, costly] };
    assert.equal(formatRows(ROWS, { ...options, format: '{{.ID}}' }), 'aaa\nbbb');
    assert.throws(() => formatRows(ROWS, { ...options, format: '{{.Costly}}' }), /worked out/u);
  });

  it('names an unknown field and the nearest one', () => {
    const error = refusal('{{.id}}');
    assert.match(error.message, /there is no field \.id$/u);
    assert.match(error.hint ?? '', /^Did you mean \.(Id|ID)\?/u);
  });
});

describe('a template', () => {
  const first = (text: string): string => formatOne(text, { ...ROWS[0] });

  const cases: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['{{.}}', 'map[Id:aaa Labels:map[app:x tier:1] Names:[web www] Size:1500 State:map[ExitCode:0 Running:true]]'],
    ['{{json .Names}}', '["web","www"]'],
    ['{{ .Names | json }}', '["web","www"]'],
    ['{{json .Labels.nope}}', 'null'],
    ['{{.Labels.app}}', 'x'],
    ['{{.Labels.nope}}', '<no value>'],
    ['{{index .Labels "app"}}', 'x'],
    ['{{index .Names 1}}', 'www'],
    ['{{(index .Names 1) | upper}}', 'WWW'],
    ['{{(.State).ExitCode}}', '0'],
    ['{{len .Names}}', '2'],
    ['{{join .Names ","}}', 'web,www'],
    ['{{.Names | join "/"}}', 'web/www'],
    ['{{index (split "a:b" ":") 1}}', 'b'],
    ['{{.Id | upper | lower}}', 'aaa'],
    ['{{println .Id}}', 'aaa\n'],
    ['{{title "a bc"}}|{{pad "x" 1 2}}|{{pad "" 1 2}}|{{truncate .Id 2}}|{{truncate .Id 9}}', 'A Bc| x  ||aa|aaa'],
    ['{{slice "abcd" 1 3}} {{slice .Names 1}} {{urlquery "a b&"}}', 'bc [www] a+b%26'],
    ['{{lt 1 2}} {{ge "a" "b"}} {{if gt .Size 1000}}big{{end}} {{le 2 2}}', 'true false big true'],
    ['{{print .Id .Size}}', 'aaa1500'],
    [
      '{{printf "%s=%d %q %5d|%-5s|%05d %.1f %t %v%%" .Id .Size .Id 7 "x" 42 1.25 true .Names}}',
      'aaa=1500 "aaa"     7|x    |00042 1.3 true [web www]%',
    ],
    ['{{range .Names}}<{{.}}>{{end}}', '<web><www>'],
    ['{{range $i, $n := .Names}}{{$i}}{{$n}}{{end}}', '0web1www'],
    ['{{range $n := .Names}}{{$n}}{{$.Id}} {{end}}', 'webaaa wwwaaa '],
    ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'app=x;tier=1;'],
    ['{{range .Labels.nope}}x{{else}}none{{end}}', 'none'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .State.ExitCode}}bad{{else if .State.Running}}up{{else}}?{{end}}!', 'up!'],
    ['{{if eq .Id "aaa"}}1{{end}}{{if ne .Id "aaa"}}2{{end}}', '1'],
    ['{{if and .Id (not .State.ExitCode)}}ok{{end}}', 'ok'],
    ['{{or .State.ExitCode .Id}} {{and .Id .State.ExitCode}}', 'aaa 0'],
    ['{{with .State}}{{.ExitCode}}{{end}}', '0'],
    ['a {{- .Id -}} b', 'aaaab'],
    ['{{/* nothing */}}x', 'x'],
    ['{{"}}"}}{{`{{`}}', '}}{{'],
    [String.raw`{{.Id}}\t{{"\t"}}\n`, 'aaa\t\t\n'],
  ];
  for (const [text, expected] of cases) {
    it(`prints ${JSON.stringify(expected)} when it is ${text}`, () => {
      assert.equal(first(text), expected);
    });
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['{{.Id', /a \{\{ has no \}\}$/u],
    ['{{if .Id}}x', /\{\{if\}\} has no \{\{end\}\}$/u],
    ['{{if .Id}}a{{else if .Size}}x', /\{\{if\}\} has no \{\{end\}\}$/u],
    ['{{end}}', /\{\{end\}\} closes nothing$/u],
    ['{{else}}', /stands outside a block$/u],
    ['{{}}', /a value is missing$/u],
    ['{{.Id | }}', /a value is missing$/u],
    ['{{(.Id}}', /a \( has no \)|ends too early/u],
    ['{{.Id)}}', /"\)" is not expected/u],
    ['{{frob .Id}}', /there is no function "frob"$/u],
    ['{{constructor .Id}}', /there is no function "constructor"$/u],
    ['{{.Id .Size}}', /not a function$/u],
    ['{{index .Names 7}}', /index: there is no element 7 in a list of 2$/u],
    ['{{join .Id ","}}', /join: , is not a list|join: .* is not a list$/u],
    ['{{upper .Names}}', /upper: \[web www\] is not text$/u],
    ['{{printf "%d" .Id}}', /printf: %d does not fit aaa$/u],
    ['{{printf "%s"}}', /printf: %s has no argument$/u],
    ['{{printf "x" .Id}}', /leaves 1 arguments over$/u],
    ['{{range .Id}}{{end}}', /range over aaa/u],
    ['{{$x}}', /\$x is not set$/u],
    ['{{.Id ; }}', /cannot read ";"$/u],
  ];
  for (const [text, reason] of refused) {
    it(`is refused with its reason when it is ${text}`, () => {
      assert.match(refusal(text).message, reason);
    });
  }
});
