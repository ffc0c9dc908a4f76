import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isAnswerTo,
  readQuestion,
  withId,
  writeAnswer,
  writeFailure,
  type Question,
} from '../../src/resolver/dns-message.ts';
import { askFor, encodeName, readAnswer } from './dns-questions.ts';

function read(packet: Buffer): Question {
  const question = readQuestion(packet);
  assert.ok(question !== null && 'bytes' in question, 'a question');
  return question;
}

test('a question is read with its name in lower case', () => {
  const { id, name, type, isInternet, udpBytes, hasOptions } = read(askFor('Web.Example.ORG', { type: 28, id: 513 }));
  assert.deepEqual(
    { id, name, type, isInternet, udpBytes, hasOptions },
    { id: 513, name: 'web.example.org', type: 28, isInternet: true, udpBytes: 512, hasOptions: false },
  );
});

test('the size that EDNS tells is kept within bounds', () => {
  const sizes = [0, 1232, 65_535].map((udpBytes) => read(askFor('web', { udpBytes })).udpBytes);
  assert.deepEqual(sizes, [512, 1232, 4096]);
});

test('a dot within a label does not become one between labels', () => {
  const packet = askFor('ab');
  const odd = Buffer.concat([packet.subarray(0, 12), Buffer.from([3]), Buffer.from('a.b'), packet.subarray(15)]);
  assert.equal(read(odd).name, String.raw`a\046b`);
});

test('answers and scraps are left alone, what is no question is called so', () => {
  const answer = askFor('web');
  answer.writeUInt16BE(0x8100, 2);
  const update = askFor('web');
  update.writeUInt16BE(5 << 11, 2);
  const two = askFor('web');
  two.writeUInt16BE(2, 4);
  const records = askFor('web');
  records.writeUInt16BE(65_535, 10);
  assert.equal(readQuestion(answer), null);
  assert.equal(readQuestion(Buffer.alloc(11)), null);
  assert.deepEqual(readQuestion(update), { id: 7, rcode: 4 });
  for (const packet of [two, records]) assert.deepEqual(readQuestion(packet), { id: 7, rcode: 1 });
});

test('a name that is cut off, too long, or points somewhere is malformed', () => {
  const whole = askFor('web.example');
  const pointer = Buffer.concat([whole.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  const long = Buffer.concat([
    whole.subarray(0, 12),
    encodeName(Array(64).fill('abc').join('.')),
    Buffer.from([0, 1, 0, 1]),
  ]);
  const cut = Array.from({ length: whole.length - 13 }, (_, index) => whole.subarray(0, 13 + index));
  for (const packet of [pointer, long, ...cut]) assert.deepEqual(readQuestion(packet), { id: 7, rcode: 1 });
});

test('random bytes never throw', () => {
  let seed = 1;
  const next = (): number => (seed = (seed * 48_271) % 2_147_483_647) & 255;
  for (let round = 0; round < 20_000; round++) {
    const packet =
      round % 2 === 0 ? Buffer.from(Array.from({ length: next() }, next)) : askFor('web.example', { udpBytes: 900 });
    for (let flips = round % 7; flips > 0; flips--) packet[next() % Math.max(packet.length, 1)] = next();
    const question = readQuestion(packet);
    if (question !== null) assert.ok(writeFailure(question, 2).length >= 12);
  }
});

test('an answer that does not fit is cut to its question and says so', () => {
  const question = read(askFor('web', { udpBytes: 512 }));
  const records = Array.from({ length: 40 }, (_, index) => ({ type: 1, data: Buffer.from([10, 89, 0, index]) }));
  const cut = writeAnswer(question, { rcode: 0, records, limit: question.udpBytes });
  assert.ok(cut.length <= 512);
  assert.deepEqual([readAnswer(cut).isCut, readAnswer(cut).addresses], [true, []]);
  const whole = readAnswer(writeAnswer(question, { rcode: 0, records, limit: 65_535 }));
  assert.deepEqual([whole.isCut, whole.addresses.length, whole.addresses[39]], [false, 40, '10.89.0.39']);
});

test('only the answer to the question, under its number, is taken', () => {
  const question = read(askFor('web.example'));
  const answer = writeAnswer(question, { rcode: 0, records: [], limit: 512 });
  const other = writeAnswer(read(askFor('web.evil.ex')), { rcode: 0, records: [], limit: 512 });
  const mine = { question, id: 7 };
  assert.equal(isAnswerTo(answer, mine), true);
  assert.equal(isAnswerTo(withId(answer, 8), mine), false);
  assert.equal(isAnswerTo(other, mine), false);
  assert.equal(isAnswerTo(askFor('web.example'), mine), false, 'a question');
  assert.equal(isAnswerTo(answer.subarray(0, 20), mine), false);
});
