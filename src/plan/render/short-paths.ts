/** The directory of a container stands in many steps and is long: a short name for it, and the legend; pure. */
import type { Plan } from '../step.ts';
import { containerDirectory } from './container-directory.ts';

/** Stands for the container's directory. */
const SHORT = '$C';

export interface ShortPaths {
  /** One sentence that says what the short name stands for; null when nothing is shortened. */
  readonly legend: string | null;
  /** `text` with the short name in the place of the directory. */
  readonly shorten: (text: string) => string;
}

/** Shortens the container's directory. */
export function shortPaths(plan: Plan): ShortPaths {
  const directory = containerDirectory(plan);
  if (directory.length <= SHORT.length) return { legend: null, shorten: (text) => text };
  // Whole names only: `/a` is not the beginning of `/ab`, nor the end of `/x/a`.
  const whole = new RegExp(`(?<![\\w.-])${directory.replace(/[^\w/]/gu, String.raw`\$&`)}(?![\\w.-])`, 'g');
  return {
    legend: `${SHORT} stands for ${directory}, the directory of this container.`,
    shorten: (text) => text.split(whole).join(SHORT),
  };
}
