/** Finding the image of a run request: the embedded one, or one in the store; reads only. */
import { layerStack } from '../../images/layer/layer-stack.ts';
import { layerDirectory } from '../../images/layer/layers.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import type { Descriptor } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { HOST_IMAGE, hostImage, type ImageSource } from './image-source.ts';

/** IMAGE_UNKNOWN when the store has no such image. `entries`: what findEntries() has just found. */
export function findImage(store: Store, word: string, entries?: readonly Descriptor[]): ImageSource {
  if (word === HOST_IMAGE) return hostImage();
  const { id, config } = resolveImage(store, word, 'size', entries);
  const layers = config.rootfs.diff_ids;
  const defaults = config.config ?? {};
  return {
    reference: word,
    id,
    layers,
    layerDirectories: layerStack(layers, (diffId) => layerDirectory(store, diffId)),
    isHost: false,
    defaults: {
      env: defaults.Env ?? [],
      entrypoint: defaults.Entrypoint ?? [],
      command: defaults.Cmd ?? [],
      workingDirectory: defaults.WorkingDir ?? '',
      user: defaults.User ?? '',
      stopSignal: defaults.StopSignal ?? '',
      labels: defaults.Labels ?? {},
      exposedPorts: Object.keys(defaults.ExposedPorts ?? {}),
      healthCheck: defaults.Healthcheck,
    },
  };
}
