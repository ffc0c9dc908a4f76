/** renderExplanation(), describeStep() and renderJson(). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStep } from '../../../src/plan/render/describe-step.ts';
import { groupOf, renderExplanation } from '../../../src/plan/render/explain.ts';
import { renderJson } from '../../../src/plan/render/json.ts';
import { shortPaths } from '../../../src/plan/render/short-paths.ts';
import type { Step } from '../../../src/plan/step.ts';
import { because, samplePlan, withSubordinates } from '../../helpers/sample-plan.ts';

const PLAN = samplePlan({
  source: '/store/root',
  at: '/store/root',
  userNamespaces: [withSubordinates(1001, 1001, 100_000, 65_535)],
  env: ['SECRET=opensesame'],
});
const TEXT = renderExplanation(PLAN, { colour: false });

function numbers(text: string): number[] {
  return [...text.matchAll(/^ {0,3}(\d+) {2}/gmu)].map((match) => Number(match[1]));
}

test('renderExplanation() begins with the id maps in words and numbers', () => {
  assert.match(TEXT, /uid 0 inside is uid 1001 outside/u);
  assert.match(TEXT, /uids 1 to 65535 inside are uids 100000 to 165534 outside \(65535 ids\)/u);
  assert.ok(TEXT.indexOf('uid 0 inside') < TEXT.indexOf('Namespaces: '));
});

test('renderExplanation() gives every step once, by its place in the plan, in order within its group', () => {
  const all = numbers(TEXT);
  assert.deepEqual(
    all.toSorted((a, b) => a - b),
    PLAN.steps.map((_step, index) => index + 1),
  );
  for (const section of TEXT.split('\n\n')) {
    const own = numbers(section);
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
    );
  }
});

test('renderExplanation() gives the reason of each step', () => {
  const flat = TEXT.replace(/\s+/gu, ' ');
  for (const { why } of PLAN.steps) assert.ok(flat.includes(`${why.text} [`), why.text);
});

test('renderExplanation() gives the reason of steps in a row once when it is the same', () => {
  const mask = (target: string, spec: string): Step => ({
    kind: 'mask',
    target,
    why: because('nobody needs it', spec),
  });
  const steps = [mask('/a', 'x[0]'), mask('/b', 'x[1]'), mask('/c', 'x[2]')];
  const lines = renderExplanation({ ...PLAN, steps }, { colour: false }).split('\n');
  assert.deepEqual(
    lines.filter((line) => line.includes('nobody')).map((line) => line.trim()),
    ['nobody needs it [x[0] to x[2]]'],
  );
});

test('shortPaths() puts a short name in the place of the directory that the root is mounted in, and nowhere else', () => {
  const { legend, shorten } = shortPaths(PLAN);
  assert.equal(legend, '$C stands for /store, the directory of this container.');
  assert.equal(
    shorten('chdir(/store), open(/store/root), open(/storeroom), open(/other/store)'),
    'chdir($C), open($C/root), open(/storeroom), open(/other/store)',
  );
});

test('shortPaths() leaves everything as it is when the root is mounted at the top', () => {
  const { legend, shorten } = shortPaths(
    samplePlan({ source: '/r', at: '/r', userNamespaces: PLAN.enter.userNamespaces }),
  );
  assert.equal(legend, null);
  assert.equal(shorten('open(/r)'), 'open(/r)');
});

test('renderExplanation() keeps to the width', () => {
  for (const width of [60, 100]) {
    const lines = renderExplanation(PLAN, { colour: false, width }).split('\n');
    const tooLong = lines.filter(
      (line) => line.length > width && line.trim().includes(' ') && !/^\S+$/u.test(line.trim()),
    );
    assert.deepEqual(tooLong, []);
  }
});

test('renderExplanation() uses escape sequences only with colour', () => {
  assert.ok(!TEXT.includes('\u001b'));
  assert.ok(renderExplanation(PLAN, { colour: true }).includes('\u001b[1m'));
});

test('renderExplanation() escapes what could drive a terminal', () => {
  const evil = '\u001b]0;owned\u0007\u009b31m\n  99  forged';
  const text = renderExplanation(
    { ...PLAN, steps: [{ kind: 'set_hostname', hostname: evil, why: because(evil) }] },
    { colour: false },
  );
  assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u.test(text)); // eslint-disable-line no-control-regex -- looked for
  assert.deepEqual(numbers(text), [1]);
});

test('describeStep() never shows the values of the environment', () => {
  const lines = PLAN.steps.map(describeStep);
  assert.ok(lines.some((line) => line.includes('1 environment variables')));
  assert.ok(!lines.join().includes('opensesame'));
});

test('describeStep() stays on one line whatever the values are', () => {
  const line = describeStep({ kind: 'sysctl', name: 'net.ipv4.x', value: 'a\nb', optional: false, why: because('') });
  assert.equal(line, 'write(/proc/sys/net/ipv4/x, "a\\nb")');
});

test('groupOf() tells a sysctl of the network from another', () => {
  const sysctl = { kind: 'sysctl', value: '1', optional: false, why: because('') } as const;
  assert.equal(groupOf({ ...sysctl, name: 'net.ipv4.x' }), 'network');
  assert.equal(groupOf({ ...sysctl, name: 'kernel.msgmax' }), 'limits');
});

test('renderJson() gives back the same plan, and the same text each time', () => {
  assert.deepEqual(JSON.parse(renderJson(PLAN)), PLAN);
  assert.equal(renderJson(PLAN), renderJson(structuredClone(PLAN)));
  assert.ok(renderJson(PLAN).endsWith('}\n'));
});
