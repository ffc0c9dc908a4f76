/** Fields with commas between them, in which quotes protect commas, as docker reads them; pure. Source: RFC 4180. */

/** The fields of one line; undefined where a quote is not closed, or stands within a field that did not begin with one. */
export function splitFields(text: string): string[] | undefined {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(?:,|$)/uy;
  for (;;) {
    const match = field.exec(text);
    if (match === null) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (!match[0].endsWith(',')) return fields;
  }
}
