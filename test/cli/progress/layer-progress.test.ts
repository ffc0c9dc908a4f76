/** The lines that show a pull. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advance, plainLine, renderLine, renderLines, startOf } from '../../../src/cli/progress/layer-progress.ts';
import type { Digest } from '../../../src/oci/image.ts';

const LAYER = startOf({ digest: `sha256:3f2a91bc04de${'0'.repeat(52)}` as Digest, sizeBytes: 45_000_000 });
const HALF = advance(LAYER, { phase: 'downloading', doneBytes: 22_500_000 });

describe('renderLine()', () => {
  it('shows a bar as long as there is room for it', () => {
    assert.equal(
      renderLine(HALF, 100),
      `3f2a91bc04de  [${'='.repeat(19)}>${' '.repeat(20)}]      22.5MB/45MB  downloading`,
    );
    assert.equal(renderLine(HALF, 50), '3f2a91bc04de        22.5MB/45MB  downloading');
  });

  it('is never wider than the screen', () => {
    for (let columns = 1; columns < 120; columns += 1)
      for (const phase of ['waiting', 'downloading', 'downloaded', 'unpacking', 'done', 'there'] as const)
        assert.ok(renderLine(advance(HALF, { phase, doneBytes: 1e12 }), columns).length <= columns);
  });

  it('draws an empty layer, and one that brings more than it said', () => {
    const empty = startOf({ digest: LAYER.label as Digest, sizeBytes: 0 });
    assert.match(renderLine(advance(empty, { phase: 'downloading', doneBytes: 0 }), 100), /\[ +\]/u);
    assert.match(renderLine(advance(empty, { phase: 'downloading', doneBytes: 5 }), 100), /\[=+\]/u);
  });
});

describe('renderLines()', () => {
  const phaseOf = (at: number) => (at < 10 ? 'done' : at === 15 ? 'downloading' : 'waiting');
  const many = Array.from({ length: 20 }, (_, at) => advance(LAYER, { phase: phaseOf(at), doneBytes: 1 }));

  it('keeps to the height of the screen, and shows what moves', () => {
    const lines = renderLines(many, 6, 100);
    assert.equal(lines.length, 5);
    assert.ok(lines.some((line) => line.endsWith('downloading')));
    assert.equal(lines.at(-1), '20 layers, 10 of them ready');
    assert.equal(renderLines(many, 21, 100).length, 20);
    assert.ok(renderLines(many, 1, 100).length <= 1);
  });
});

describe('plainLine()', () => {
  it('tells each phase once', () => {
    assert.equal(plainLine(LAYER, HALF), '3f2a91bc04de: downloading 45MB');
    assert.equal(plainLine(HALF, advance(HALF, { phase: 'downloading', doneBytes: 30_000_000 })), null);
    assert.equal(plainLine(HALF, advance(HALF, { phase: 'done', doneBytes: 45_000_000 })), '3f2a91bc04de: done');
  });
});
