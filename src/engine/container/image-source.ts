/** The image of a run request as the container needs it: configuration and unpacked layers; read on the host's side. */

import type { ImageHealthCheck } from '../../oci/health-check.ts';

/** The embedded image: the host's own root. */
export const HOST_IMAGE = 'host';

/** The parts of an image's configuration that a container starts from. Source: image-spec config.md. */
export interface ImageDefaults {
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly stopSignal: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Such as `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly healthCheck?: ImageHealthCheck | undefined;
}

export interface ImageSource {
  /** As the user wrote it. */
  readonly reference: string;
  /** Digest of the config; empty for the host's own root. */
  readonly id: string;
  /** Unpacked trees, top layer first. */
  readonly layerDirectories: readonly string[];
  /** Diff ids, bottom layer first. */
  readonly layers: readonly string[];
  readonly isHost: boolean;
  readonly defaults: ImageDefaults;
}

/** The host's own root as an image. */
export function hostImage(): ImageSource {
  return {
    reference: HOST_IMAGE,
    id: '',
    layerDirectories: ['/'],
    layers: [],
    isHost: true,
    defaults: {
      env: [],
      entrypoint: [],
      command: ['sh'],
      workingDirectory: '/',
      user: '',
      stopSignal: '',
      labels: {},
      exposedPorts: [],
    },
  };
}
