/** The step that holds a network to a rate; pure. */
import { HUTCH_ANNOTATIONS, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { Step } from '../step.ts';

/** None where no rate is asked for; `device`: by which all of the container's network goes, null where it has none of its own. */
export function compileNetworkRate(
  { annotations }: Pick<RuntimeSpec, 'annotations'>,
  device: string | null,
): Step<'limit_network'>[] {
  const rate = annotations[HUTCH_ANNOTATIONS.networkRate];
  const burst = annotations[HUTCH_ANNOTATIONS.networkBurst];
  if (rate === undefined || burst === undefined || device === null) return [];
  return [
    {
      kind: 'limit_network',
      device,
      bitsPerSecond: Number(rate),
      burstBytes: Number(burst),
      meanwhile: true,
      why: {
        spec: `annotations["${HUTCH_ANNOTATIONS.networkRate}"]`,
        text: 'what it sends and what it receives wait in queues that only CAP_NET_ADMIN, which it does not have, can take away',
      },
    },
  ];
}
