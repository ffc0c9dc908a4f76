/** What people call a helper of `wait_for`; pure. */

/** The program, also behind the `--` of another, or the name that a script is given: `sh -c SCRIPT NAME`. */
export function helperName(helper: readonly string[]): string {
  const script = helper.indexOf('-c');
  const place = script === -1 ? helper.indexOf('--') + 1 : script + 2;
  return helper[place] ?? '';
}
