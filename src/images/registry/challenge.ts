/** Reading WWW-Authenticate, which comes from outside; pure. Source: RFC 9110 section 11. */

export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`^\\s*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))\\s*(?:,|$)`, 'u');
const SCHEME = new RegExp(`^[\\s,]*(${TOKEN})(?:\\s+|,|$)`, 'u');
const LONGEST = 8192;

/** The challenges of a header, in order; what cannot be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header.slice(0, LONGEST);
  for (let scheme = SCHEME.exec(rest); scheme?.[1] !== undefined; scheme = SCHEME.exec(rest)) {
    rest = rest.slice(scheme[0].length);
    const parameters: Record<string, string> = {};
    for (let found = PARAMETER.exec(rest); found?.[1] !== undefined; found = PARAMETER.exec(rest)) {
      parameters[found[1].toLowerCase()] = found[3] ?? (found[2] ?? '').replace(/\\(.)/gu, '$1');
      rest = rest.slice(found[0].length);
    }
    challenges.push({ scheme: scheme[1].toLowerCase(), parameters });
  }
  return challenges;
}
