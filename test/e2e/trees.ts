/** The tree of an image, entry by entry: as hutch has it in a container, and as umoci unpacks it. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { inUserns, listTree } from '../helpers/userns-tree.ts';
import type { Sandbox } from './sandbox.ts';

/** What hutch itself puts into containers is no part of the comparison. */
const WITHOUT_MOUNTS =
  'rm -f "$1/etc/hosts" "$1/etc/hostname" "$1/etc/resolv.conf"; touch -d @0 "$1/etc" "$1"; chmod 755 "$1"';

export interface Trees {
  /** The tree of a container as GNU tar makes it from what `hutch export` wrote. */
  readonly exported: (container: string) => Promise<string>;
  /** The tree of an image as umoci unpacks it. `source` is where skopeo gets it: `docker://…`, `oci-archive:…`. */
  readonly unpackedByUmoci: (source: string) => Promise<string>;
}

/** Makes the trees below `scratch`, which the caller removes as root of the user namespace. */
export function makeTrees(box: Sandbox, scratch: string): Trees {
  let made = 0;
  const directory = (): string => {
    const place = path.join(scratch, `tree-${String((made += 1))}`);
    mkdirSync(place, { recursive: true });
    return place;
  };
  return {
    async exported(container) {
      const [tree, archive] = [directory(), path.join(box.directory, `${container}.tar`)];
      const { code, stderr } = await box.hutch(['export', '-o', archive, container]);
      assert.equal(code, 0, stderr);
      await inUserns(`tar -C "$1" -xpf "$2" --numeric-owner --xattrs --xattrs-include='*'`, tree, archive);
      await inUserns(WITHOUT_MOUNTS, tree);
      return listTree(tree);
    },
    async unpackedByUmoci(source) {
      const place = directory();
      await inUserns(
        `export HOME="$2"
        skopeo copy -q --insecure-policy --src-tls-verify=false "$1" "oci:$2/layout:x"
        umoci unpack --image "$2/layout:x" "$2/bundle"`,
        source,
        place,
      );
      const tree = path.join(place, 'bundle/rootfs');
      await inUserns(WITHOUT_MOUNTS, tree);
      return listTree(tree);
    },
  };
}

/** Asserts that two listings are the same; a failure names the lines that only one of them has. */
export function assertSameTree(actual: string, expected: string): void {
  const onlyIn = (one: string, other: string): string[] => {
    const others = new Set(other.split('\n'));
    return one.split('\n').filter((line) => !others.has(line));
  };
  assert.deepEqual(onlyIn(actual, expected), onlyIn(expected, actual));
  assert.ok(actual === expected, 'the same lines in another order');
}
