/** `hutch plan run`: what a run would do, without doing it; on the host's side. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderBash } from '../../plan/render/bash.ts';
import { renderExplanation } from '../../plan/render/explain.ts';
import { renderJson } from '../../plan/render/json.ts';
import { locateStore } from '../../state/store.ts';
import { draftContainer } from './draft-container.ts';
import { inventName } from './names.ts';
import { newContainerId } from './new-id.ts';
import { obtainImage } from './obtain-image.ts';
import { badValue } from './parse-values.ts';
import type { WatchPull } from './pull-policy.ts';
import type { RunRequest } from './run-request.ts';

export const PLAN_FORMATS = ['text', 'json', 'bash', 'spec'] as const;

/**
 * The plan of a run in one of PLAN_FORMATS; `spec` is the OCI runtime spec that it is compiled from. The container's
 * directory is one below the temporary directory that does not exist yet, so that the bash script can be run as it is.
 */
export async function planRun(
  request: RunRequest,
  options: { format: string; colour: boolean; watchPull: WatchPull },
): Promise<string> {
  if (!(PLAN_FORMATS as readonly string[]).includes(options.format))
    throw badValue('--format', options.format, `one of ${PLAN_FORMATS.join(', ')}`);
  const store = locateStore();
  const id = newContainerId();
  const { plan, spec } = await draftContainer({
    request,
    image: await obtainImage(store, request, options.watchPull),
    id,
    name: request.name ?? inventName(),
    store,
    directory: join(tmpdir(), `hutch-plan-${id.slice(0, 12)}`),
    isToBeMade: false,
  });
  if (options.format === 'json') return renderJson(plan);
  if (options.format === 'bash') return renderBash(plan);
  return options.format === 'spec'
    ? JSON.stringify(spec, null, 2)
    : renderExplanation(plan, { colour: options.colour });
}
