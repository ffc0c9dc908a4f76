/** What the events of a container say of who asked for them; in the process of a command. */

/** The longest command that is kept. */
const MAX_LENGTH = 200;

/** This process as its user called it, such as `hutch stop web`. */
export function ownCommand(): string {
  return ['hutch', ...process.argv.slice(2)].join(' ').slice(0, MAX_LENGTH);
}
