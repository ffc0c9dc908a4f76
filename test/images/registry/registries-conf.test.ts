/** registries.conf: reading it, finding it, and what it makes of names. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { parseFile, readRegistriesConfig } from '../../../src/images/registry/registries-conf.ts';
import { expandName, mayBePlain, ownSource, sourcesOf, type Source } from '../../../src/images/registry/sources.ts';
import { fullName, parseReference } from '../../../src/images/reference.ts';

const parse = (text: string) => parseFile('registries.conf', text);
const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseFile()', () => {
  it('reads search registries, aliases, rules and mirrors', () => {
    const config = parse(`
      unqualified-search-registries = ["one.example", "two.example/"]
      [aliases]
      "box" = "quay.example/team/box"
      "gone" = ""
      [[registry]]
      prefix = "*.example"
      insecure = true
      [[registry]]
      location = "a.example/x"
      mirror-by-digest-only = true
      [[registry.mirror]]
      location = "m.example/x"
      [[registry.mirror]]
      location = "t.example"
      pull-from-mirror = "tag-only"`);
    assert.deepEqual(config.searchRegistries, ['one.example', 'two.example']);
    assert.deepEqual(config.aliases, { box: 'quay.example/team/box' });
    assert.deepEqual(config.rules[0], {
      prefix: '*.example',
      location: '*.example',
      insecure: true,
      blocked: false,
      mirrors: [],
    });
    assert.deepEqual(config.rules[1]?.mirrors, [
      { location: 'm.example/x', insecure: false, pullFrom: 'digest-only' },
      { location: 't.example', insecure: false, pullFrom: 'tag-only' },
    ]);
  });

  for (const [text, words] of [
    ['= 1', /it is not TOML/u],
    ['[registries.search]\nregistries = []', /old format/u],
    ['unqualified-search-registries = "a"', /must be a list/u],
    ['unqualified-search-registries = [1]', /must be text/u],
    ['[[registry]]\nblocked = true', /registry.prefix must be text/u],
    ['[[registry]]\nprefix = "a.example"\ninsecure = "yes"', /registry.insecure must be true or false/u],
    ['aliases = 1', /aliases must be a table/u],
    ['[[registry]]\nprefix = "a.example"\n[[registry.mirror]]\nlocation = "b.example"\npull-from-mirror = "x"', /"x"/u],
  ] as const)
    it(`says what is wrong in ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parse(text),
        (error) => isHutchError(error, 'CONFIG_INVALID') && words.test(error.message),
      );
    });
});

describe('readRegistriesConfig()', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'hutch-conf-'));
  after(() => rmSync(home, { recursive: true }));
  const own = path.join(home, '.config/containers');
  mkdirSync(path.join(own, 'registries.conf.d'), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(path.join(own, name), text);

  it('lets drop-ins of the user win over the main file, rule by rule', () => {
    write('registries.conf', 'unqualified-search-registries = ["a.example"]\n[[registry]]\nprefix = "x.example"');
    write(
      'registries.conf.d/1.conf',
      '[[registry]]\nprefix = "x.example"\nblocked = true\n[aliases]\nb = "c.example/b"',
    );
    write('registries.conf.d/2.txt', 'not TOML');
    const config = readRegistriesConfig({ HOME: home });
    assert.deepEqual(config.searchRegistries, ['a.example']);
    assert.deepEqual(
      config.rules.filter(({ prefix }) => prefix === 'x.example').map(({ blocked }) => blocked),
      [true],
    );
    assert.equal(config.aliases['b'], 'c.example/b');
  });

  it('reads only the file that CONTAINERS_REGISTRIES_CONF names, which must be there', () => {
    write('other.conf', 'unqualified-search-registries = ["o.example"]');
    const env = { HOME: home, CONTAINERS_REGISTRIES_CONF: path.join(own, 'other.conf') };
    assert.deepEqual(readRegistriesConfig(env).searchRegistries, ['o.example']);
    assert.throws(
      () => readRegistriesConfig({ CONTAINERS_REGISTRIES_CONF: path.join(own, 'none') }),
      (error) => isHutchError(error, 'CONFIG_INVALID'),
    );
  });
});

describe('expandName()', () => {
  const expand = (name: string, text = ''): string[] => expandName(name, parse(text)).map(fullName);

  it('takes a short name for one of Docker Hub unless it is told otherwise', () => {
    assert.deepEqual(expand('box'), ['docker.io/library/box:latest']);
    assert.deepEqual(expand('team/box:1'), ['docker.io/team/box:1']);
    assert.deepEqual(expand('box:1', 'unqualified-search-registries = ["a.example", "docker.io"]'), [
      'a.example/box:1',
      'docker.io/library/box:1',
    ]);
  });

  it('replaces aliases and keeps tag and digest', () => {
    const conf = 'unqualified-search-registries = ["a.example"]\n[aliases]\n"box" = "q.example/box"';
    assert.deepEqual(expand('box:1', conf), ['q.example/box:1']);
    assert.deepEqual(expand(`box@${DIGEST}`, conf), [`q.example/box@${DIGEST}`]);
    assert.deepEqual(expand('x.example/box', conf), ['x.example/box:latest']);
  });

  it('finds no alias in what every object has', () => {
    assert.deepEqual(expand('constructor'), ['docker.io/library/constructor:latest']);
  });
});

describe('sourcesOf()', () => {
  const sources = (name: string, text: string): Source[] => sourcesOf(parseReference(name), parse(text));
  const places = (name: string, text: string): string[] =>
    sources(name, text).map(({ domain, path: where }) => `${domain}/${where}`);

  it('asks the registry itself when nothing is said', () => {
    assert.deepEqual(sources('a.example/x', ''), [
      { domain: 'a.example', path: 'x', insecure: false, isMirror: false },
    ]);
  });

  it('goes by the longest prefix, at the borders of its parts only', () => {
    const conf = ['a.example', 'a.example/x', 'a.example/x/y'].map(
      (prefix, at) => `[[registry]]\nprefix = "${prefix}"\nlocation = "to${at}.example"\n`,
    );
    assert.deepEqual(places('a.example/x/y/z', conf.join('')), ['to2.example/z']);
    assert.deepEqual(places('a.example/x/yz', conf.join('')), ['to1.example/yz']);
    assert.deepEqual(places('a.example/xy', conf.join('')), ['to0.example/xy']);
    assert.deepEqual(places('a.example.com/x', conf.join('')), ['a.example.com/x']);
  });

  it('puts mirrors first, those for tags or digests only where they fit', () => {
    const conf = `[[registry]]\nprefix = "a.example"\n
      [[registry.mirror]]\nlocation = "tags.example"\npull-from-mirror = "tag-only"
      [[registry.mirror]]\nlocation = "digests.example/m"\npull-from-mirror = "digest-only"`;
    assert.deepEqual(places('a.example/x:1', conf), ['tags.example/x', 'a.example/x']);
    assert.deepEqual(places(`a.example/x@${DIGEST}`, conf), ['digests.example/m/x', 'a.example/x']);
  });

  it('keeps wildcards to subdomains', () => {
    const conf = '[[registry]]\nprefix = "*.example"\ninsecure = true';
    assert.equal(sources('a.example/x', conf)[0]?.insecure, true);
    assert.equal(sources('example.com/x', conf)[0]?.insecure, false);
  });

  it('refuses what is blocked, a single tag too', () => {
    const conf = '[[registry]]\nprefix = "a.example/x:old"\nblocked = true';
    assert.throws(
      () => sources('a.example/x:old', conf),
      (error) => isHutchError(error, 'REGISTRY_DENIED'),
    );
    assert.deepEqual(places('a.example/x:new', conf), ['a.example/x']);
  });

  it('does not take a location of one word for a repository of Docker Hub', () => {
    const conf = '[[registry]]\nprefix = "docker.io"\nlocation = "mirror"';
    assert.throws(
      () => sources('box', conf),
      (error) => isHutchError(error, 'CONFIG_INVALID') && error.message.includes('"mirror"'),
    );
  });

  it('never pushes to a mirror', () => {
    const conf = '[[registry]]\nprefix = "a.example"\n[[registry.mirror]]\nlocation = "m.example"';
    assert.equal(ownSource(parseReference('a.example/x'), parse(conf)).domain, 'a.example');
  });
});

describe('mayBePlain()', () => {
  it('is true on this machine and for what is declared insecure only', () => {
    const plain = (domain: string, insecure = false): boolean => mayBePlain({ domain, insecure });
    for (const domain of ['localhost', 'localhost:5000', '127.0.0.1:5000', '127.1.2.3', '[::1]:5000'])
      assert.equal(plain(domain), true, domain);
    for (const domain of ['localhost.example', '127.0.0.1.example', '128.0.0.1', '10.0.0.1', 'a.example:5000'])
      assert.equal(plain(domain), false, domain);
    assert.equal(plain('a.example', true), true);
  });
});
