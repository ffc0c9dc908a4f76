/** Choosing among the images of an index. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHutchError } from '../../src/errors/hutch-error.ts';
import type { Descriptor } from '../../src/oci/image.ts';
import { choosePlatform, parsePlatform, platformName } from '../../src/oci/platform.ts';

/** Descriptors for platforms, by whose names they are told apart. */
const index = (...names: readonly string[]): Descriptor[] =>
  names.map((name) => ({
    mediaType: 'x',
    digest: `sha256:${'0'.repeat(64)}` as Descriptor['digest'],
    size: 1,
    ...(name === '' ? {} : { platform: parsePlatform(name) }),
  }));
const choose = (wanted: string, ...names: readonly string[]): string | undefined => {
  const chosen = choosePlatform(index(...names), parsePlatform(wanted));
  return chosen?.platform === undefined ? (chosen === undefined ? undefined : '') : platformName(chosen.platform);
};

describe('choosePlatform()', () => {
  it('takes the highest variant that is not above the wanted one', () => {
    const arms = ['linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm64/v8'];
    assert.equal(choose('linux/arm/v6', ...arms), 'linux/arm/v6');
    assert.equal(choose('linux/arm', ...arms), 'linux/arm/v7');
    assert.equal(choose('linux/arm64', ...arms), 'linux/arm64/v8');
    assert.equal(choose('linux/arm64/v8', 'linux/arm64'), 'linux/arm64');
    assert.equal(choose('linux/amd64', 'linux/amd64/v3', 'linux/amd64'), 'linux/amd64');
    assert.equal(choose('linux/amd64/v4', 'linux/amd64', 'linux/amd64/v3'), 'linux/amd64/v3');
    assert.equal(choose('linux/arm/v5', 'linux/arm/v6'), undefined);
  });

  it('takes the first of equals, and none of another system', () => {
    assert.equal(
      choose('linux/amd64', 'unknown/unknown', 'windows/amd64', 'linux/amd64', 'linux/amd64'),
      'linux/amd64',
    );
    assert.equal(choose('linux/amd64', 'windows/amd64'), undefined);
  });

  it('takes one that says no platform only when it is alone', () => {
    assert.equal(choose('linux/amd64', ''), '');
    assert.equal(choose('linux/amd64', '', ''), undefined);
  });
});

describe('parsePlatform()', () => {
  it('knows other names of processors, and Linux where nothing is said', () => {
    assert.equal(platformName(parsePlatform('x86_64')), 'linux/amd64');
    assert.equal(platformName(parsePlatform('linux/aarch64')), 'linux/arm64');
    assert.equal(platformName(parsePlatform('armhf')), 'linux/arm/v7');
    assert.equal(platformName(parsePlatform('linux/constructor')), 'linux/constructor');
  });

  for (const text of ['', 'linux/', '/amd64', 'a/b/c/d', 'linux/am d64'])
    it(`refuses "${text}"`, () => {
      assert.throws(
        () => parsePlatform(text),
        (error) => isHutchError(error, 'USAGE_INVALID') && error.message.includes(`"${text}"`),
      );
    });
});
