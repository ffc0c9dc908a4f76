/** What a user asks of a program more in a running container: unparsed words, as the command line gives them; pure types. */

export interface ExecRequest {
  /** Name or id. */
  readonly container: string;
  readonly command: readonly string[];
  readonly interactive: boolean;
  readonly terminal: boolean;
  readonly detach: boolean;
  /** Undefined: the usual ones. */
  readonly detachKeys?: string | undefined;
  readonly env: readonly string[];
  readonly envFiles: readonly string[];
  readonly workingDirectory?: string | undefined;
  readonly user?: string | undefined;
  readonly privileged: boolean;
}
