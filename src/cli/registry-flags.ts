/** The flags of all commands that talk to a registry, and of those that choose a platform; CLI process. */
import { HutchError } from '../errors/hutch-error.ts';
import type { Platform } from '../oci/image.ts';
import { parsePlatform } from '../oci/platform.ts';
import { Flags } from './base-command.ts';

/** How a registry is reached. */
export const REGISTRY_FLAGS = {
  'tls-verify': Flags.boolean({ default: true, description: 'false allows plain http and any certificate' }),
  authfile: Flags.string({ description: 'file with the credentials, instead of the usual ones' }),
  'cert-dir': Flags.string({ description: "directory with the registry's certificates (*.crt, *.cert, *.key)" }),
};

/** Of docker; hutch trusts digests, not signatures, and podman takes the word without a meaning as well. */
export const CONTENT_TRUST = Flags.boolean({ hidden: true, description: 'changes nothing; docker has it' });

interface RegistryValues {
  readonly 'tls-verify': boolean;
  readonly authfile?: string | undefined;
  readonly 'cert-dir'?: string | undefined;
}

/** The same for the engine. */
export function registryAccess(flags: RegistryValues): {
  readonly tlsVerify: boolean;
  readonly authFile: string | undefined;
  readonly certDirectory: string | undefined;
} {
  return { tlsVerify: flags['tls-verify'], authFile: flags.authfile, certDirectory: flags['cert-dir'] };
}

/** Which part of an image for several platforms is meant. */
export const PLATFORM_FLAGS = {
  platform: Flags.string({ description: "OS/ARCH[/VARIANT] of the image instead of this host's" }),
  arch: Flags.string({ description: 'processor of the image, as in --platform' }),
  os: Flags.string({ description: 'system of the image, as in --platform; needs --arch' }),
  variant: Flags.string({ description: 'variant of the processor, as in --platform; needs --arch' }),
};

interface PlatformValues {
  readonly platform?: string | undefined;
  readonly arch?: string | undefined;
  readonly os?: string | undefined;
  readonly variant?: string | undefined;
}

/** The platform that the flags ask for, else DOCKER_DEFAULT_PLATFORM; undefined for this host's. USAGE_INVALID when they contradict each other. */
export function platformFrom({ platform, arch, os, variant }: PlatformValues): string | undefined {
  const parts = Object.entries({ arch, os, variant }).filter(([, value]) => value !== undefined);
  const [first] = parts;
  if (platform !== undefined && first !== undefined)
    throw new HutchError(`--platform and --${first[0]} exclude each other`, {
      code: 'USAGE_INVALID',
      hint: 'say it all with --platform OS/ARCH[/VARIANT]',
    });
  if (arch !== undefined) return [os ?? 'linux', arch, ...(variant === undefined ? [] : [variant])].join('/');
  if (first !== undefined)
    throw new HutchError(`--${first[0]} needs --arch`, {
      code: 'USAGE_INVALID',
      hint: 'name the processor, too, such as --arch arm --variant v7, or use --platform',
    });
  const usual = process.env['DOCKER_DEFAULT_PLATFORM'] ?? '';
  return platform ?? (usual === '' ? undefined : usual);
}

/** The platform that the flags give to a new image, as far as they say it. USAGE_INVALID. */
export function platformParts({ platform, arch, os, variant }: PlatformValues): Partial<Platform> {
  if (platform !== undefined) return parsePlatform(platform);
  return {
    ...(arch === undefined ? {} : { architecture: arch }),
    ...(os === undefined ? {} : { os }),
    ...(variant === undefined ? {} : { variant }),
  };
}
