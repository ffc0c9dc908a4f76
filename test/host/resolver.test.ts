/** What a container's /etc/resolv.conf makes of the host's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeResolver, readHostResolver } from '../../src/host/resolver.ts';

const FOLLOWS = { servers: null, search: null, options: null };
/** As systemd-resolved has it. */
const STUB = '# a comment\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan corp.test\nsortlist 10.0.0.0\n';

test('composeResolver() keeps search domains and options, and asks the name server that can be reached from inside', () => {
  const text = composeResolver(STUB, { ...FOLLOWS, servers: ['10.0.2.3'] });
  assert.equal(text, 'search lan corp.test\noptions edns0 trust-ad\nnameserver 10.0.2.3\n');
  assert.match(composeResolver('domain old.test\n', FOLLOWS), /^domain old\.test\n/u);
});

test('composeResolver() has the host’s name servers where nothing else is given', () => {
  assert.match(composeResolver(STUB, FOLLOWS), /\nnameserver 127\.0\.0\.53\n$/u);
});

test('composeResolver() replaces what was asked for, and only that', () => {
  const asked = composeResolver(STUB, { ...FOLLOWS, options: ['ndots:2', 'rotate'] });
  assert.equal(asked, 'search lan corp.test\noptions ndots:2 rotate\nnameserver 127.0.0.53\n');
  const searched = composeResolver(STUB, { ...FOLLOWS, search: ['a.test'] });
  assert.equal(searched, 'search a.test\noptions edns0 trust-ad\nnameserver 127.0.0.53\n');
});

test('composeResolver() gives ndots where nobody else does', () => {
  const dots = (options: readonly string[] | null): string => composeResolver(STUB, { ...FOLLOWS, options, dots: 0 });
  assert.match(dots(null), /^options edns0 trust-ad\noptions ndots:0$/mu);
  assert.doesNotMatch(dots(['ndots:2']), /ndots:0/u);
});

test('readHostResolver() takes a host without the file', () => {
  assert.equal(readHostResolver('/no/such/file'), '');
});
