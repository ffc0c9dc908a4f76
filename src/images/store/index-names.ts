/** Names in the index of an OCI image layout; pure code, on the host's side. */
import { isHutchError } from '../../errors/hutch-error.ts';
import { ANNOTATION, type Descriptor } from '../../oci/image.ts';
import { fullName, parseReference } from '../reference.ts';

/** The full name of an index entry, as hutch, skopeo or containerd wrote it; undefined when it has none, or none that is valid. */
export function nameOf({ annotations }: Descriptor): string | undefined {
  const text = annotations?.[ANNOTATION.imageName] ?? annotations?.[ANNOTATION.refName];
  if (text === undefined) return undefined;
  try {
    return fullName(parseReference(text));
  } catch (error) {
    if (isHutchError(error, 'REFERENCE_INVALID')) return undefined;
    throw error;
  }
}

/** `entry` under `name` (in the keys of skopeo and of containerd), or nameless. */
export function withName({ annotations, ...entry }: Descriptor, name: string | undefined): Descriptor {
  const names = name === undefined ? {} : { [ANNOTATION.refName]: name, [ANNOTATION.imageName]: name };
  const ours: readonly string[] = Object.values(ANNOTATION);
  const others = Object.entries(annotations ?? {}).filter(([key]) => !ours.includes(key));
  const all = { ...Object.fromEntries(others), ...names };
  return Object.keys(all).length === 0 ? entry : { ...entry, annotations: all };
}

/** `entries` without the nameless ones that another entry stands for already. */
export function tidy(entries: readonly Descriptor[]): Descriptor[] {
  return entries.filter((entry, at) => {
    if (nameOf(entry) !== undefined) return true;
    return !entries.some(
      (other, otherAt) =>
        other.digest === entry.digest && otherAt !== at && (nameOf(other) !== undefined || otherAt < at),
    );
  });
}
