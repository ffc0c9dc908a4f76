/** Names for containers whose user gives none; pure but for its dice. */
import { randomInt } from 'node:crypto';

const KINDS = [
  'amber', 'bold', 'brisk', 'calm', 'clear', 'cosy', 'dapper', 'eager', 'early', 'fair', 'gentle', 'glad', 'hardy', 'keen', 'lively', 'mellow',
  'merry', 'mild', 'nimble', 'noble', 'patient', 'placid', 'plain', 'proud', 'quick', 'quiet', 'ready', 'rustic', 'sleepy', 'snug', 'spry',
  'steady', 'sunny', 'tidy', 'trusty', 'warm', 'wary', 'wild', 'witty', 'zesty',
];
/** Who lives in hutches, burrows and barns. */
const CREATURES = [
  'badger', 'bantam', 'bunny', 'cavy', 'chinchilla', 'coney', 'cricket', 'dormouse', 'ferret', 'fox', 'gerbil', 'goose', 'hamster', 'hare',
  'hedgehog', 'hen', 'jerboa', 'kid', 'lamb', 'lapin', 'leveret', 'lop', 'marmot', 'marten', 'mole', 'mouse', 'otter', 'owl', 'pika', 'polecat',
  'quail', 'rabbit', 'rex', 'shrew', 'squirrel', 'stoat', 'vole', 'weasel', 'wombat', 'wren',
];

/** A name such as `quiet-hare-4821`. */
export function inventName(): string {
  const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? '';
  return `${pick(KINDS)}-${pick(CREATURES)}-${String(randomInt(1000, 10_000))}`;
}
