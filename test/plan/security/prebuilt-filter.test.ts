/** The filter that the build compiles is the one that the sources compile, and the CLI really uses it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DEFAULT_CAPABILITIES } from '../../../src/linux/capabilities.ts';
import { ARCHITECTURE_OF_NODE } from '../../../src/linux/syscalls.ts';
import { compileSeccomp } from '../../../src/plan/security/compile-seccomp.ts';
import { defaultSeccompProfile } from '../../../src/plan/security/default-profile.ts';
import { prebuiltFilter } from '../../../src/plan/security/prebuilt-filter.ts';

const bundle = readFileSync(join(import.meta.dirname, '../../../dist/hutch.js'), 'latin1');

describe('prebuiltFilter()', () => {
  const architecture = ARCHITECTURE_OF_NODE[process.arch] ?? 'x86_64';
  const profile = defaultSeccompProfile(DEFAULT_CAPABILITIES, architecture);

  it('is in the bundle as the sources compile it', () => {
    const program = Buffer.from(compileSeccomp(profile, { nativeArchitecture: architecture })).toString('base64');
    assert.ok(bundle.includes(program), 'dist/hutch.js holds another program: build again');
  });

  it('is kept with the very profile it was compiled from', () => {
    const [, text] = /"profile":"((?:[^"\\]|\\.)*)"/u.exec(bundle) ?? [];
    assert.deepEqual(JSON.parse((text ?? '').replaceAll('\\"', '"')), profile);
  });

  it('gives nothing when the sources run directly', () => {
    assert.equal(prebuiltFilter(profile), undefined);
  });
});
