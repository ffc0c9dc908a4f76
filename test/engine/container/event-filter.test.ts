/** `hutch events --filter`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEventFilter } from '../../../src/engine/container/event-filter.ts';
import type { ContainerEvent } from '../../../src/state/events.ts';

const EVENT: ContainerEvent = {
  time: '2026-01-31T12:00:00.000Z',
  type: 'container',
  action: 'remove',
  id: 'abcdef',
  name: 'web',
  image: 'shop:1',
  labels: { tier: 'front=1' },
  attributes: {},
};

test('parseEventFilter: one of the same key must fit, and all keys', () => {
  const fits: readonly (readonly string[])[] = [
    [],
    ['container=web'],
    ['container=abc'],
    ['event=destroy'],
    ['event=start', 'event=remove'],
    ['image=shop:1', 'image=other'],
    ['image=shop'],
    ['label=tier'],
    ['label=tier=front=1', 'type=container'],
  ];
  const others: readonly (readonly string[])[] = [
    ['container=db'],
    ['event=remove', 'container=db'],
    ['image=sho'],
    ['label=tier=back'],
    ['label=constructor'],
    ['type=image'],
  ];
  for (const words of fits) assert.ok(parseEventFilter(words)(EVENT), words.join(' '));
  for (const words of others) assert.ok(!parseEventFilter(words)(EVENT), words.join(' '));
});

test('parseEventFilter refuses other keys', () => {
  assert.throws(() => parseEventFilter(['colour=red']), /invalid value "colour=red" for --filter/u);
  assert.throws(() => parseEventFilter(['toString=x']), /--filter/u);
  assert.throws(() => parseEventFilter(['web']), /--filter/u);
});
