/** The errors of talking to registries; on the host's side. Addresses are shown without their query, which may be a secret. */
import { errnoOf, HutchError, isHutchError } from '../../errors/hutch-error.ts';

/** REGISTRY_FAILED. `isTransient` says that the same request may work later, `waitMs` when. */
export function registryFailed(
  message: string,
  options: {
    readonly hint?: string;
    readonly isTransient?: boolean;
    readonly waitMs?: number | undefined;
    readonly cause?: unknown;
  } = {},
): HutchError {
  return new HutchError(message, {
    code: 'REGISTRY_FAILED',
    hint: options.hint ?? 'try again later, or ask whoever runs the registry',
    cause: options.cause,
    context: { isTransient: options.isTransient ?? false, waitMs: options.waitMs ?? null },
  });
}

/** True for a failure that another attempt may mend. */
export function isTransient(error: unknown): error is HutchError {
  return isHutchError(error, 'REGISTRY_FAILED') && error.context['isTransient'] === true;
}

/** CONTENT_MISMATCH: what came is not what was announced. */
export function contentMismatch(what: string, reason: string): HutchError {
  return new HutchError(`${what} is not what the registry announced: ${reason}`, {
    code: 'CONTENT_MISMATCH',
    hint: 'try again; if it stays so, the registry or something on the way to it changes data',
  });
}

/** REGISTRY_DENIED. */
export function registryDenied(message: string, hint: string): HutchError {
  return new HutchError(message, { code: 'REGISTRY_DENIED', hint });
}

/** `url` for messages. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

const CERTIFICATE_CODES =
  /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_ALTNAME|INVALID_CA|HOSTNAME_MISMATCH)/u;
const TRANSIENT_CODES = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ENETDOWN', 'ECONNABORTED']);

/** The error for a connection that failed; HutchErrors and aborts pass unchanged. */
export function connectionFailed(url: URL, cause: unknown): unknown {
  if (cause instanceof HutchError || (cause instanceof Error && cause.name === 'AbortError')) return cause;
  const code = errnoOf(cause) ?? '';
  if (cause instanceof Error && 'path' in cause && 'syscall' in cause && cause.syscall === 'open')
    return goneMeanwhile(cause);
  if (CERTIFICATE_CODES.test(code))
    return registryFailed(`the certificate of ${url.host} is not trusted: ${code}`, {
      cause,
      hint: `put the CA's certificate into ~/.config/containers/certs.d/${url.host}/ca.crt, or name it in SSL_CERT_FILE`,
    });
  const reason = code === '' ? String(cause) : code;
  return registryFailed(`cannot talk to ${url.host}: ${reason}`, {
    cause,
    isTransient: TRANSIENT_CODES.has(code),
    hint: 'check the name of the registry, the network, and HTTPS_PROXY if there is a proxy',
  });
}

/** What should be sent cannot be opened: that is not the registry's fault. */
function goneMeanwhile(cause: Error): HutchError {
  return new HutchError(`a part of the image cannot be read any more: ${cause.message}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'another hutch may have removed the image; pull or import it again',
    cause,
  });
}

/** True when the other side speaks no TLS. */
export function speaksNoTls(error: unknown): boolean {
  const code = error instanceof HutchError ? errnoOf(error.cause) : undefined;
  return code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
}

/** True when nobody listens there. */
export function isRefused(error: unknown): boolean {
  return error instanceof HutchError && errnoOf(error.cause) === 'ECONNREFUSED';
}
