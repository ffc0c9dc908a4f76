/** Kernel settings that every private network gets; pure. */
import type { SpecIdMapping } from './runtime-spec.ts';

/**
 * Ping without privilege for every group of the container, and low ports for every user. The group range may name mapped
 * groups only. Source: icmp(7), Documentation/networking/ip-sysctl.rst.
 */
export function defaultSysctls(gidMappings: readonly SpecIdMapping[]): Record<string, string> {
  const highest = Math.max(...gidMappings.map((mapping) => mapping.containerID + mapping.size - 1));
  return { 'net.ipv4.ping_group_range': `0 ${String(highest)}`, 'net.ipv4.ip_unprivileged_port_start': '0' };
}
