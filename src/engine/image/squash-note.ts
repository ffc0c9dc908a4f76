/** What a user is told of files whose owners have no counterpart here (`--squash-ids`); pure, in the CLI process. */

/** One sentence about the image of a name or id; null when no file was squashed. `count` is a number of entries. */
export function squashNote(image: string, count: number): string | null {
  if (count === 0) return null;
  return `${image}: gave ${String(count)} ${count === 1 ? 'file' : 'files'} of ids beyond the range to nobody`;
}

/** The files of all layers that were unpacked just now; layers that were here already count for nothing. */
export function squashedIn(layers: readonly { readonly squashedIds: number }[]): number {
  return layers.reduce((sum, { squashedIds }) => sum + squashedIds, 0);
}
