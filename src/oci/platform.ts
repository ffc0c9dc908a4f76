/** Platforms of images: reading them, and choosing the best one of an index; pure. */
import { HutchError } from '../errors/hutch-error.ts';
import type { Descriptor, Platform } from './image.ts';

/** Other names of processors, as people and `uname -m` write them. */
const ALIASES: ReadonlyMap<string, Pick<Platform, 'architecture' | 'variant'>> = new Map(
  Object.entries({
    x86_64: { architecture: 'amd64' },
    'x86-64': { architecture: 'amd64' },
    i386: { architecture: '386' },
    i686: { architecture: '386' },
    aarch64: { architecture: 'arm64' },
    armhf: { architecture: 'arm', variant: 'v7' },
    armel: { architecture: 'arm', variant: 'v6' },
  }),
);

/** The variant that is meant where none is said. Source: containerd's platform rules, as the image-spec has none. */
const PLAIN_VARIANT: Readonly<Record<string, number>> = { amd64: 1, arm: 7, arm64: 8 };

/** Reads `os/architecture[/variant]`, or an architecture alone, which means Linux. USAGE_INVALID quotes `text`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  const [os, architecture, variant] = parts.length === 1 ? ['linux', ...parts] : parts;
  if (
    parts.length > 3 ||
    !parts.every((part) => /^[a-z0-9_.-]+$/u.test(part)) ||
    os === undefined ||
    architecture === undefined
  )
    throw new HutchError(`invalid value "${text}" for --platform`, {
      code: 'USAGE_INVALID',
      hint: 'give OS/ARCHITECTURE[/VARIANT], such as linux/arm64 or linux/arm/v7',
    });
  const named = ALIASES.get(architecture) ?? { architecture };
  return { os, ...named, ...(variant === undefined ? {} : { variant }) };
}

/** As parsePlatform() reads it: `linux/arm/v7`. */
export function platformName({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])].join('/');
}

/**
 * The descriptor for `wanted`: same system and processor, and of its variants the highest that is not above the wanted one.
 * Undefined when there is none. A descriptor that says no platform counts only when it is alone.
 */
export function choosePlatform(descriptors: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const [only] = descriptors;
  if (descriptors.length === 1 && only?.platform === undefined) return only;
  return descriptors
    .filter(({ platform }) => platform !== undefined && runsOn(platform, wanted))
    .reduce<Descriptor | undefined>(
      (best, next) => (best === undefined || isAbove(next, best) ? next : best),
      undefined,
    );
}

/** True when an image for `platform` runs on `wanted`. */
export function runsOn(platform: Platform, wanted: Platform): boolean {
  if (platform.os !== wanted.os || platform.architecture !== wanted.architecture) return false;
  const [has, most] = [variantNumber(platform), variantNumber(wanted)];
  if (has === undefined || most === undefined) return (platform.variant ?? '') === (wanted.variant ?? '');
  return has <= most;
}

function isAbove(next: Descriptor, best: Descriptor): boolean {
  if (next.platform === undefined || best.platform === undefined) return false;
  return (variantNumber(next.platform) ?? 0) > (variantNumber(best.platform) ?? 0);
}

/** `v8` is 8; undefined for a variant that is no number. */
function variantNumber({ architecture, variant }: Platform): number | undefined {
  if (variant === undefined || variant === '') return PLAIN_VARIANT[architecture] ?? 0;
  const digits = /^v(?<number>[0-9]{1,3})$/u.exec(variant)?.groups?.['number'];
  return digits === undefined ? undefined : Number(digits);
}
