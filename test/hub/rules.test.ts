/** The packet filter of user networks as text: what e2e tests cannot tell from a packet that was lost otherwise. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSubnet, type Subnet } from '../../src/linux/ipv4.ts';
import {
  baseRules,
  bridgeRule,
  forwardRule,
  portRule,
  privateRule,
  privateRule6,
  REFUSALS,
} from '../../src/hub/rules.ts';

const BASE_RULES = baseRules(REFUSALS[0]);

describe('baseRules()', () => {
  it('lets nothing pass that no rule names, in each chain that filters', () => {
    const filters = BASE_RULES.match(/type filter hook \w+ [^\n]*/gu) ?? [];
    assert.equal(filters.length, 3);
    for (const filter of filters) assert.match(filter, /policy drop;$/u);
  });

  it('believes no container that says it were a router, a DHCP server or another container', () => {
    const [, speaking = ''] = /chain speaking6 \{([^]*?)\n  \}/u.exec(BASE_RULES) ?? [];
    const lines = speaking.trim().split(/\n\s*/u);
    const place = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));
    assert.equal(place(/^accept$/u), lines.length - 1, 'control');
    for (const kind of ['nd-router-advert', 'nd-redirect', 'mld-listener-query'])
      assert.ok(place(new RegExp(`${kind}.* drop$`, 'u')) >= 0, kind);
    assert.ok(place(/^udp dport 546 drop$/u) >= 0);
    const [own, others] = [place(/nd-neighbor-advert .*@announcers accept$/u), place(/nd-neighbor-advert drop$/u)];
    assert.ok(own >= 0 && own < others);
  });

  it('opens the hub itself to bridges at their own gateway alone', () => {
    const [, here = ''] = /chain here \{([^}]*)\}/u.exec(BASE_RULES) ?? [];
    const accepted = here.split('\n').filter((line) => line.includes('accept'));
    assert.deepEqual(
      accepted.filter(
        (line) =>
          !/iifname \. ip6? daddr @gateways6? |iifname "lo"|ct state established,related|icmpv6 type \{ nd-neighbor-solicit, nd-neighbor-advert \} accept$/u.test(
            line,
          ),
      ),
      [],
    );
  });
});

describe('bridgeRule()', () => {
  const bridge = { device: 'net1', gateway: '10.89.3.1', internal: false };

  it('names the gateway, the way within, and the way outside', () => {
    assert.equal(
      bridgeRule('add', bridge),
      'add element inet hutch inside { "net1" . "net1" }\nadd element inet hutch gateways { "net1" . 10.89.3.1 }\nadd element inet hutch outward { "net1" }\n',
    );
  });

  it('names the IPv6 gateway of a network that has one', () => {
    assert.match(
      bridgeRule('add', { ...bridge, ipv6: { gateway: 'fd01::1' } }),
      /^add element inet hutch gateways6 \{ "net1" \. fd01::1 \}$/mu,
    );
  });

  it('leaves out the way outside for an internal network', () => {
    assert.doesNotMatch(bridgeRule('add', { ...bridge, internal: true }), /outward/u);
  });
});

describe('portRule() and forwardRule()', () => {
  it('take away what they have added', () => {
    const port = { device: 'port7', mac: '02:42:0a:59:03:02', address: '10.89.3.2' };
    assert.equal(
      portRule('delete', port),
      'delete element bridge hutch speakers { "port7" . 02:42:0a:59:03:02 . 10.89.3.2 }\n',
    );
    assert.equal(
      portRule('delete', { ...port, ipv6: { address: 'fd01::2' } }),
      [
        'speakers { "port7" . 02:42:0a:59:03:02 . 10.89.3.2 }',
        'speakers6 { "port7" . 02:42:0a:59:03:02 . fd01::2 }',
        'speakers6 { "port7" . 02:42:0a:59:03:02 . fe80::42:aff:fe59:302 }',
        'announcers { "port7" . 0xfd010000000000000000000000000002 }',
        'announcers { "port7" . 0xfe8000000000000000420afffe590302 }',
      ]
        .map((element) => `delete element bridge hutch ${element}\n`)
        .join(''),
    );
    const forward = { protocol: 'tcp', outerPort: 1025, address: '10.89.3.2', port: 80 } as const;
    assert.equal(forwardRule('add', forward), 'add element inet hutch ports { tcp . 1025 : 10.89.3.2 . 80 }\n');
    assert.equal(forwardRule('delete', forward), 'delete element inet hutch ports { tcp . 1025 }\n');
  });
});

describe('privateRule()', () => {
  const subnets = (...texts: readonly string[]): Subnet[] => texts.flatMap((text) => parseSubnet(text) ?? []);

  it('has each address in one interval, as nft wants it', () => {
    assert.equal(
      privateRule(subnets('10.89.0.0/16', '10.89.3.0/24', '10.201.7.0/24', '10.89.0.0/16'), subnets('127.0.0.0/8')),
      [
        'flush set inet hutch private\nadd element inet hutch private { 10.89.0.0/16, 10.201.7.0/24 }\n',
        'flush set inet hutch routed\nadd element inet hutch routed { 127.0.0.0/8 }\n',
      ].join(''),
    );
  });

  it('knows the networks of IPv6, if there are such', () => {
    assert.equal(
      privateRule6(['fd01::/64', 'fd02::/64']),
      'add element inet hutch private6 { fd01::/64, fd02::/64 }\n',
    );
    assert.equal(privateRule6([]), '');
  });

  it('empties a set that nothing is in', () => {
    assert.match(privateRule(subnets('10.89.0.0/16'), []), /flush set inet hutch routed\n$/u);
  });
});
