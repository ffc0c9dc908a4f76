/** `--filter` of `hutch events`; pure. */
import type { StoredEvent } from '../../state/network-events.ts';
import { badValue, parsePair } from './parse-values.ts';

type Test = (event: StoredEvent) => boolean;

/** What others call the same. */
const OTHER_NAMES: Readonly<Record<string, string>> = { destroy: 'remove', died: 'die' };

const TESTS: Readonly<Record<string, (value: string) => Test>> = {
  container: (value) => (event) =>
    event.type === 'container' ? isCalled(event, value) : isCalled({ id: event.attributes['container'] ?? '' }, value),
  network: (value) => (event) => event.type === 'network' && isCalled(event, value),
  event:
    (value) =>
    ({ action }) =>
      action === (OTHER_NAMES[value] ?? value),
  image: (value) => (event) =>
    event.type === 'container' && (event.image === value || event.image.split(':')[0] === value),
  label:
    (value) =>
    ({ labels = {} }) => {
      const [key = '', ...rest] = value.split('=');
      return Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join('='));
    },
  type:
    (value) =>
    ({ type }) =>
      type === value,
};

function isCalled({ id, name }: { readonly id: string; readonly name?: string }, word: string): boolean {
  return name === word || (word !== '' && id.startsWith(word));
}

/** The events that `KEY=VALUE` words ask for: of the same key one must fit, of different keys all. USAGE_INVALID for an unknown key. */
export function parseEventFilter(words: readonly string[]): Test {
  const byKey = Map.groupBy(
    words.map((word) => parsePair('--filter', word)),
    ([key]) => key,
  );
  const groups = [...byKey].map(([key, pairs]) => pairs.map(([, value]) => testFor(key, value)));
  return (event) => groups.every((tests) => tests.some((test) => test(event)));
}

function testFor(key: string, value: string): Test {
  const make = Object.hasOwn(TESTS, key) ? TESTS[key] : undefined;
  if (make === undefined)
    throw badValue('--filter', `${key}=${value}`, `one of the keys ${Object.keys(TESTS).join(', ')}`);
  return make(value);
}
