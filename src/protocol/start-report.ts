/** What a monitor that was started as a process of its own tells its starter on descriptor 3, one JSON object a line; pure. */

export const REPORT_FD = 3;

export type StartReport =
  /** It waits for a client to attach before it starts the container. */
  | { readonly report: 'awaits_client' }
  /** The payload runs. */
  | { readonly report: 'started' }
  | { readonly report: 'failed'; readonly code: string; readonly message: string; readonly hint: string | null };

export function parseStartReport(line: string): StartReport {
  return JSON.parse(line) as StartReport;
}
