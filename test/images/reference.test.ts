/** Names of images: docker's grammar, its short forms, and errors that point at the part at fault. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  familiarName,
  familiarRepository,
  fullName,
  parseReference,
  repositoryOf,
} from '../../src/images/reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** text, full name, familiar name */
const NAMES: readonly (readonly [string, string, string])[] = [
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['user/app', 'docker.io/user/app:latest', 'user/app:latest'],
  ['localhost/busybox', 'localhost/busybox:latest', 'localhost/busybox:latest'],
  ['localhost:5000/a/b:c', 'localhost:5000/a/b:c', 'localhost:5000/a/b:c'],
  ['quay.io/x/y.z__w--v:T_1', 'quay.io/x/y.z__w--v:T_1', 'quay.io/x/y.z__w--v:T_1'],
  ['[::1]:5000/x', '[::1]:5000/x:latest', '[::1]:5000/x:latest'],
  [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
  [`reg:80/x:t@${DIGEST}`, `reg:80/x:t@${DIGEST}`, `reg:80/x:t@${DIGEST}`],
  ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
];

test('parseReference() spells names out, and they come back the same', () => {
  for (const [text, full, familiar] of NAMES) {
    const reference = parseReference(text);
    assert.equal(fullName(reference), full, text);
    assert.equal(familiarName(reference), familiar, text);
    assert.deepEqual(parseReference(full), reference, full);
    assert.deepEqual(parseReference(familiar), reference, familiar);
  }
});

test('repositoryOf() and familiarRepository() leave tag and digest out', () => {
  const reference = parseReference(`busybox:1@${DIGEST}`);
  assert.equal(repositoryOf(reference), 'docker.io/library/busybox');
  assert.equal(familiarRepository(reference), 'busybox');
});

test('parseReference() names the part that is wrong', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /empty/u],
    [':tag', /empty/u],
    ['Busybox', /the part "Busybox"/u],
    ['quay.io/A/b', /the part "A"/u],
    ['a//b', /empty part/u],
    ['a/', /empty part/u],
    ['a..b', /the part "a\.\.b"/u],
    ['-a', /the part "-a"/u],
    ['a:', /the tag ""/u],
    ['a:.b', /the tag "\.b"/u],
    [`a:${'t'.repeat(129)}`, /the tag/u],
    ['a@sha256:abc', /the digest "sha256:abc"/u],
    [`a@${DIGEST.toUpperCase()}`, /the digest/u],
    ['-.x:1/a', /the registry "-\.x:1"/u],
    ['reg:123456/a', /the registry/u],
    ['a b', /the part "a b"/u],
    ['n'.repeat(250), /the name/u],
  ];
  for (const [text, message] of wrong)
    assert.throws(() => parseReference(text), { code: 'REFERENCE_INVALID', message }, text);
});
