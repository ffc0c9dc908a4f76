/** Where a plan keeps what belongs to its container; pure. */
import { dirname } from 'node:path';
import type { Plan } from '../step.ts';

/** The container's directory: the one that holds the place where the root is mounted. `/` for a plan without a root. */
export function containerDirectory(plan: Plan): string {
  const root = plan.steps.find((step) => step.kind === 'open_root');
  return root === undefined ? '/' : dirname(root.at);
}
