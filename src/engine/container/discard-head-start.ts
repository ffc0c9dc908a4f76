/** Ending the chain of namespaces that the launcher has started for a run that does not come to pass; in the CLI process. */
import { discard } from '../../monitor/launch.ts';
import { takePrelaunched } from '../../monitor/prelaunch.ts';

export function discardHeadStart(): void {
  const guess = takePrelaunched(process.env);
  if (guess !== undefined) discard(guess);
}
