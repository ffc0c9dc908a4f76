/** A plan as JSON for programs; pure. */
import type { ExecPlan, Plan } from '../step.ts';

/** The plan as JSON, indented by two, with a line feed at the end. The keys have the plan's own order: same plan, same text. */
export function renderJson(plan: Plan | ExecPlan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}
