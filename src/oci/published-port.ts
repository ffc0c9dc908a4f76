/** A port of the host that leads to one of a container; pure. */

export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  /** Where the host listens: an IPv4 or IPv6 address without brackets. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function hostEnd({ hostAddress, hostPort }: Pick<PublishedPort, 'hostAddress' | 'hostPort'>): string {
  return `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:${String(hostPort)}`;
}

/** `80/tcp`. */
export function containerEnd({ containerPort, protocol }: Pick<PublishedPort, 'containerPort' | 'protocol'>): string {
  return `${String(containerPort)}/${protocol}`;
}

/** `127.0.0.1:8080->80/tcp`, as docker ps has it. */
export function portText(port: PublishedPort): string {
  return `${hostEnd(port)}->${containerEnd(port)}`;
}
