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
    { address: '10.89.1.1', network: 'back', forwards: false },
  ],
  names: [
    { network: 'front', name: 'web', addresses: ['10.89.0.2'] },
    { network: 'front', name: 'all', addresses: ['10.89.0.2', '10.89.0.3'] },
    { network: 'back', name: 'web', addresses: ['10.89.1.9'] },
    { network: 'back', name: 'db', addresses: ['10.89.1.5'] },
    { network: 'back', name: 'database', addresses: ['10.89.1.5'] },
  ],
  clients: [
    { address: '10.89.0.2', networks: ['front'], nameServers: [] },
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

test('what a known name has none of is no error, so that IPv4 is tried', () => {
  for (const type of [28, 15, 65]) assert.equal(told(ask('web', ON_FRONT, { type })), 0);
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
