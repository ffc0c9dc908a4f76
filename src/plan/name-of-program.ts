/** What people call a helper of `wait_for`; pure. */

/** The program, or the name that a script is given: `sh -c SCRIPT NAME`. */
export function helperName(helper: readonly string[]): string {
  const script = helper.indexOf('-c');
  return (script === -1 ? helper[0] : helper[script + 2]) ?? '';
}
