/** Lists of words as Dockerfiles have them; pure. */

/** The words of `["sh", "-c"]`; undefined for anything else, which a Dockerfile takes for a line for the shell. */
export function jsonListOf(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  } catch {
    // A line for the shell.
  }
  return undefined;
}
