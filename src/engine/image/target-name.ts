/** The name that a user gives to an image; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { familiarName, parseReference, type Reference } from '../../images/reference.ts';
import { HOST_IMAGE } from './host-image.ts';

/** `name` as a name to give: with a tag, without a digest, not the embedded image's. REFERENCE_INVALID. `verb` as in "an image cannot be imported as". */
export function parseTarget(name: string, verb: string): Reference {
  const reference = parseReference(name);
  const isReserved = familiarName(reference) === `${HOST_IMAGE}:latest`;
  if (reference.digest === null && !isReserved) return reference;
  throw new HutchError(`an image cannot be ${verb} as "${name}"`, {
    code: 'REFERENCE_INVALID',
    hint: isReserved
      ? `choose another name; ${HOST_IMAGE} is the built-in image`
      : 'give a name and a tag; the digest follows from the content',
    context: { reference: name },
  });
}
