import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolverTable } from '../../src/protocol/hub.ts';
import { answerQuestion, type Answer } from '../../src/resolver/answer.ts';
import { readQuestion } from '../../src/resolver/dns-message.ts';
import { askFor, encodeName, type AskedFor } from './dns-questions.ts';

const TABLE: ResolverTable = {
  event: 'hub_tells',
  listen: [
    { address: '10.89.0.1', network: 'front', forwards: true },
    { address: 'fd01::1', network: 'front', forwards: true },
    { address: '10.89.1.1', network: 'back', forwards: false },
  ],
  names: [
    { network: 'front', name: 'web', addresses: ['10.89.0.2'] },
    { network: 'front', name: 'all', addresses: ['10.89.0.2', '10.89.0.3'] },
    { network: 'front', name: 'six', addresses: ['10.89.0.6', 'fd01::6'] },
    { network: 'front', name: 'both', addresses: ['10.89.0.6', 'fd01::6', '10.89.0.7', 'fd01::7'] },
    { network: 'back', name: 'web', addresses: ['10.89.1.9'] },
    { network: 'back', name: 'db', addresses: ['10.89.1.5'] },
    { network: 'back', name: 'database', addresses: ['10.89.1.5'] },
  ],
  clients: [
    { address: '10.89.0.2', networks: ['front'], nameServers: [] },
    { address: 'fd01::6', networks: ['front'], nameServers: [] },
    { address: '10.89.0.3', networks: ['front', 'back'], nameServers: ['9.9.9.9'] },
    { address: '10.89.1.5', networks: ['back'], nameServers: [] },
  ],
};

const [ON_FRONT, ON_BOTH, ON_BACK] = ['10.89.0.2', '10.89.0.3', '10.89.1.5'];

function ask(name: string, asker: string, { turn = 0, ...askedFor }: AskedFor & { turn?: number } = {}): Answer {
  const question = readQuestion(askFor(name, askedFor));
  assert.ok(question !== null && 'bytes' in question);
  return answerQuestion(TABLE, { question, asker, turn });
}

/** Addresses, or the rcode, or where it is forwarded to. */
function told(answer: Answer): unknown {
  if (answer.kind === 'forward') return answer.nameServers;
  return answer.records.length === 0 ? answer.rcode : answer.records.map(({ data }) => [...data].join('.'));
}

test('names and aliases of the own networks are answered, in any case', () => {
  assert.deepEqual(told(ask('WEB', ON_FRONT)), ['10.89.0.2']);
  assert.deepEqual(told(ask('DataBase', ON_BACK)), ['10.89.1.5']);
});

test('a name on two networks is that of the first', () => {
  assert.deepEqual(told(ask('web', ON_BOTH)), ['10.89.0.2']);
  assert.deepEqual(told(ask('web', ON_BACK)), ['10.89.1.9']);
});

test('several addresses come in turn', () => {
  assert.deepEqual(told(ask('all', ON_FRONT)), ['10.89.0.2', '10.89.0.3']);
  assert.deepEqual(told(ask('all', ON_FRONT, { turn: 3 })), ['10.89.0.3', '10.89.0.2']);
});

test('names of other networks are nobody’s business', () => {
  assert.deepEqual(told(ask('db', ON_BOTH)), ['10.89.1.5'], 'control');
  assert.deepEqual(told(ask('db', ON_FRONT)), []);
});

/** RFC 3596. */
const SIX = { type: 28 };
const REVERSED = `6.${'0.'.repeat(27)}1.0.d.f.ip6.arpa`;
const bytes6 = (last: number): string => `253.1.${'0.'.repeat(13)}${String(last)}`;

test('names have IPv6 addresses where their network has, for who asks by either kind', () => {
  for (const asker of [ON_FRONT, 'fd01::6']) {
    assert.deepEqual(told(ask('six', asker, SIX)), [bytes6(6)]);
    assert.deepEqual(told(ask('six', asker)), ['10.89.0.6']);
  }
  assert.deepEqual(told(ask('six', ON_FRONT, { type: 255 })), ['10.89.0.6', bytes6(6)]);
  assert.equal(told(ask('web', ON_FRONT, SIX)), 0, 'no error where it has none');
  assert.deepEqual(told(ask('six', ON_BACK, SIX)), 3, 'nobody’s business');
});

test('addresses of both kinds come in turn, where they are always asked for together', () => {
  const pairs = [0, 2].map((turn) => [
    ask('both', ON_FRONT, { turn }),
    ask('both', ON_FRONT, { ...SIX, turn: turn + 1 }),
  ]);
  assert.deepEqual(
    pairs.map((pair) => pair.map((answer) => (told(answer) as string[])[0])),
    [
      ['10.89.0.6', bytes6(6)],
      ['10.89.0.7', bytes6(7)],
    ],
  );
});

test('IPv6 addresses have names', () => {
  const named = ask(REVERSED.toUpperCase(), ON_FRONT, { type: 12 });
  assert.deepEqual(named.kind === 'answered' && named.records[0]?.data, encodeName('six'));
  assert.equal(told(ask(REVERSED, ON_BACK, { type: 12 })), 3);
  assert.deepEqual(told(ask(REVERSED.slice(2), ON_FRONT, { type: 12 })), [], 'a part of one is no address');
});

test('what a known name has none of is no error, so that IPv4 is tried', () => {
  for (const type of [15, 65]) assert.equal(told(ask('web', ON_FRONT, { type })), 0);
});

test('a name in a search domain is another name', () => {
  assert.deepEqual(told(ask('web.corp.example', ON_FRONT)), []);
});

test('others are asked where the container has a way out: its own name servers, if it names any', () => {
  assert.deepEqual(told(ask('example.org', ON_FRONT)), []);
  assert.deepEqual(told(ask('example.org', ON_BOTH)), ['9.9.9.9']);
  assert.equal(told(ask('example.org', ON_BACK)), 3);
});

test('addresses have names, on the own networks alone', () => {
  const named = ask('5.1.89.10.in-addr.arpa', ON_BACK, { type: 12 });
  assert.deepEqual(named.kind === 'answered' && named.records[0]?.data, encodeName('db'));
  assert.equal(told(ask('5.1.89.10.in-addr.arpa', ON_FRONT, { type: 12 })), 3);
  assert.equal(told(ask('77.9.89.10.in-addr.arpa', ON_FRONT, { type: 12 })), 3, 'nobody’s');
  assert.deepEqual(told(ask('8.8.8.8.in-addr.arpa', ON_FRONT, { type: 12 })), [], 'outside');
});

test('strangers and other classes are refused', () => {
  assert.equal(told(ask('web', '10.89.0.77')), 5);
  assert.equal(told(ask('web', ON_FRONT, { qclass: 3 })), 5);
});
