/** The unit by which systemd starts a container at boot or login; pure. */

export interface UnitInput {
  readonly id: string;
  readonly name: string;
  /** The path of the `hutch` that is to start it. */
  readonly program: string;
  /** Variables that hutch finds its places by. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long the container has to end; below 0 for ever. */
  readonly stopTimeoutSeconds: number;
  /** One of the host instead of a user's. */
  readonly isSystem: boolean;
}

/** What hutch needs beyond the container's own time. */
const MARGIN_SECONDS = 30;
/** Tries of a start, and the time in which there are no more of them. */
const TRIES = 5;
const TRIES_SECONDS = 600;
const RETRY_SECONDS = 10;

/** The file's name: a container's name may stand in a unit's as it is. Source: systemd.unit(5). */
export function unitName(name: string): string {
  return `hutch-${name}.service`;
}

/**
 * The text of the unit. The container's monitor, which sees to restarts, stays in the unit's control group; systemd has nothing to
 * watch but that, hence `oneshot`. A start that fails, because a disk or a helper is not there yet during boot, is tried a few times more.
 * Source: systemd.service(5), systemd.exec(5), systemd.unit(5).
 */
export function unitText({ id, name, program, environment, stopTimeoutSeconds, isSystem }: UnitInput): string {
  const seconds = stopTimeoutSeconds < 0 ? 'infinity' : String(stopTimeoutSeconds + MARGIN_SECONDS);
  return [
    `# Made by hutch container install ${name}; hutch container uninstall ${name} removes it.`,
    '[Unit]',
    `Description=hutch container ${name}`,
    `StartLimitIntervalSec=${String(TRIES_SECONDS)}`,
    `StartLimitBurst=${String(TRIES)}`,
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    'Restart=on-failure',
    `RestartSec=${String(RETRY_SECONDS)}`,
    ...Object.entries(environment).map(([key, value]) => `Environment=${quoted(`${key}=${value}`, false)}`),
    `ExecStart=${quoted(program)} start ${id}`,
    `ExecStop=${quoted(program)} stop ${id}`,
    `TimeoutStopSec=${seconds}`,
    '',
    '[Install]',
    `WantedBy=${wantedBy(isSystem)}`,
    '',
  ].join('\n');
}

/** The target that pulls the unit in. */
export function wantedBy(isSystem: boolean): string {
  return isSystem ? 'multi-user.target' : 'default.target';
}

/** Quotes, specifiers and, in commands, variables are taken literally. */
function quoted(text: string, isCommand = true): string {
  const escaped = text.replace(/["\\]/gu, '\\$&').replaceAll('%', '%%').replaceAll('\n', '\\n');
  return `"${isCommand ? escaped.replaceAll('$', '$$$$') : escaped}"`;
}
