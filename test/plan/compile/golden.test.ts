/** compilePlan() and the renderings against committed files, one directory of test/golden for each case (docs/plan.md). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RuntimeSpec } from '../../../src/oci/runtime-spec.ts';
import { checkOrder } from '../../../src/plan/check/order.ts';
import type { CompileInput } from '../../../src/plan/compile/input.ts';
import { compilePlan } from '../../../src/plan/compile/compile-plan.ts';
import { renderBash } from '../../../src/plan/render/bash.ts';
import { renderExplanation } from '../../../src/plan/render/explain.ts';
import { renderJson } from '../../../src/plan/render/json.ts';
import { defaultSeccompProfile } from '../../../src/plan/security/default-profile.ts';
import type { Plan, Step } from '../../../src/plan/step.ts';

const GOLDEN = join(import.meta.dirname, '../../golden');
const CASES = readdirSync(GOLDEN);
const isUpdate = process.env['HUTCH_UPDATE_GOLDEN'] === '1';

/** A spec in which the word `default` stands for the whole profile. */
type GoldenSpec = Omit<RuntimeSpec, 'linux'> & {
  readonly linux: Omit<RuntimeSpec['linux'], 'seccomp'> & { readonly seccomp: 'default' | null };
};

function readCase(name: string): Plan {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(GOLDEN, name, file), 'utf8'));
  const spec = read('spec.json') as GoldenSpec;
  const input = read('input.json') as CompileInput;
  const { bounding } = spec.process.capabilities;
  const seccomp = spec.linux.seccomp === null ? null : defaultSeccompProfile(bounding, input.architecture);
  return compilePlan({ ...spec, linux: { ...spec.linux, seccomp } }, input);
}

/** The plan with one step on each line, and the digest of the filter in the place of its 4 KB: made to be compared by eye. */
function planText({ steps, ...rest }: Plan): string {
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/u, ',');
  return `${head}\n  "steps": [\n${steps.map((step) => `    ${JSON.stringify(shortened(step))}`).join(',\n')}\n  ]\n}\n`;
}

function shortened(step: Step): Step {
  if (step.kind !== 'seccomp') return step;
  return { ...step, program: `sha256:${createHash('sha256').update(step.program).digest('hex')}` };
}

const RENDERINGS: Readonly<Record<string, (plan: Plan) => string>> = {
  'plan.json': planText,
  'plan.sh': renderBash,
  'explain.txt': (plan) => renderExplanation(plan, { colour: false }),
};

for (const name of CASES) {
  for (const [file, render] of Object.entries(RENDERINGS)) {
    test(`compilePlan() gives the committed ${file} when the case is ${name}`, () => {
      const path = join(GOLDEN, name, file);
      const text = render(readCase(name));
      if (isUpdate) writeFileSync(path, text);
      assert.equal(text, readFileSync(path, 'utf8'));
    });
  }

  test(`compilePlan() gives a plan that is in order and survives JSON when the case is ${name}`, () => {
    const plan = readCase(name);
    checkOrder(plan);
    assert.deepEqual(JSON.parse(renderJson(plan)), plan);
  });
}

test('checkOrder() finds a golden plan whose steps are mixed up', () => {
  const plan = readCase('image');
  assert.throws(() => {
    checkOrder({ ...plan, steps: plan.steps.toReversed() });
  });
});

test('compilePlan() gives the same text twice when the spec is the same', () => {
  assert.equal(renderJson(readCase('image')), renderJson(readCase('image')));
});
