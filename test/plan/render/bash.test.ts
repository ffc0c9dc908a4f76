/** renderBash(): the text of the script, without running a container. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { renderBash } from '../../../src/plan/render/bash.ts';
import { because, samplePlan, singleId, withSubordinates, type SampleOptions } from '../../helpers/sample-plan.ts';

const SUBORDINATES = withSubordinates(1001, 1001, 100_000, 65_535);
const NESTED = { ...SUBORDINATES, writer: 'parent' as const };

function render(options: Partial<SampleOptions> = {}): string {
  return renderBash(
    samplePlan({ source: '/store/root', at: '/store/root', userNamespaces: [SUBORDINATES], ...options }),
  );
}

/** Exit status of `bash -n`, which parses and runs nothing. */
function parses(script: string): boolean {
  return spawnSync('bash', ['-n'], { input: script }).status === 0;
}

/** The script without its comments. */
function code(script: string): string {
  return script
    .split('\n')
    .filter((line) => !/^\s*#/u.test(line))
    .join('\n');
}

test('renderBash() gives text that bash can parse for every way to enter', () => {
  assert.ok(parses(render()));
  assert.ok(parses(render({ userNamespaces: [singleId(1001, 1001)] })));
  assert.ok(parses(render({ userNamespaces: [SUBORDINATES, NESTED], network: true })));
  assert.ok(!parses(`${render()}\nif`), 'control: the parser finds faults');
});

test('renderBash() names every step with its number, its reason and its pointer', () => {
  const plan = samplePlan({ source: '/r', at: '/r', userNamespaces: [SUBORDINATES] });
  const script = renderBash(plan);
  for (const [index, step] of plan.steps.entries()) {
    assert.ok(script.includes(`# ${String(index + 1)}. `), `step ${String(index + 1)}`);
    assert.ok(script.includes(`STEP='step ${String(index + 1)} (${step.kind})'`), step.kind);
    assert.ok(script.replace(/\n\s*# +/gu, ' ').includes(`${step.why.text} [${step.why.spec}]`), step.why.text);
  }
});

test('renderBash() keeps hostile values out of comments and commands', () => {
  const evil = "x'\n$(touch /tmp/hutch-evil)\n`touch /tmp/hutch-evil`\u2028\r\n";
  const script = render({
    hostname: evil,
    env: [`A=${evil}`],
    argv: [evil],
    more: [{ kind: 'make_directory', target: `/${evil}`, mode: 0o755, why: because(evil, evil) }],
  });
  assert.ok(parses(script));
  const bare = code(script).replace(/'(?:[^']|'\\'')*'/gu, '');
  assert.ok(!bare.includes('hutch-evil'), 'nothing of the value stands outside of quotes');
});

test('renderBash() writes maps by newuidmap, by unshare, or by the outer root, as the plan says', () => {
  assert.match(render(), /newuidmap "\$pid" 0 1001 1 1 100000 65535\n/u);
  const single = render({ userNamespaces: [singleId(1001, 1001)] });
  assert.match(code(single), /unshare --user --map-root-user /u);
  assert.doesNotMatch(code(single), /newuidmap|clear-groups/u);
  const nested = render({ userNamespaces: [SUBORDINATES, NESTED] });
  assert.match(nested, /'0 1001 1' '1 100000 65535' >"\/proc\/\$pid\/uid_map"/u);
});

test('renderBash() runs the helper of a network with the pid of the container and its two descriptors', () => {
  assert.match(render({ network: true }), /exec slirp4netns .* --exit-fd=4 "\$pid" tap0 3>&1 4<&0/u);
  assert.doesNotMatch(render(), /slirp4netns/u);
});

test('renderBash() says at the end what bash cannot do', () => {
  const script = render();
  const summary = script.slice(script.indexOf('# What this container lacks'));
  for (const word of ['seccomp', 'landlock', 'join_keyring', 'stdio']) assert.ok(summary.includes(word), word);
  assert.ok(!script.includes('BgAAAAAA/38='), 'the program of the filter is left out');
});

test('renderBash() says that an entry of the environment without a name is left out', () => {
  const script = render({ env: ['PATH=/bin', 'nameless'] });
  assert.ok(script.includes('env cannot set 1 entries that have no name'));
  assert.ok(!code(script).includes('nameless'));
});
