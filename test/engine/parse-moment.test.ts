/** `--since` and `--until`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMoment } from '../../src/engine/parse-moment.ts';

const NOW = Date.UTC(2026, 0, 31, 12);

test('parseMoment reads RFC 3339, seconds since 1970 and durations', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['2026-01-31T11:00:00Z', NOW - 3_600_000],
    ['2026-01-31T11:00:00.250000000Z', NOW - 3_600_000 + 250],
    ['2026-01-31T13:00:00+02:00', NOW - 3_600_000],
    ['2026-01-31T11:00Z', NOW - 3_600_000],
    ['2026-01-31T11Z', NOW - 3_600_000],
    ['2026-01-31T11:00:00', new Date(2026, 0, 31, 11).getTime()],
    ['2026-01-31', new Date(2026, 0, 31).getTime()],
    ['1769857200', 1_769_857_200_000],
    ['1769857200.5', 1_769_857_200_500],
    ['90s', NOW - 90_000],
    ['1h30m', NOW - 5_400_000],
    ['1.5h', NOW - 5_400_000],
    ['100ms', NOW - 100],
    ['-10s', NOW + 10_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseMoment('--since', text, NOW), ms, text);
});

test('parseMoment refuses what is no time', () => {
  for (const text of ['', 'yesterday', '2026-13-01', '2026-01-31T25:00:00Z', '5x', 'm', '1e5'])
    assert.throws(() => parseMoment('--until', text, NOW), /invalid value ".*" for --until/u, text);
});
