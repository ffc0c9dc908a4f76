/** The packet filter of user networks as text: what e2e tests cannot tell from a packet that was lost otherwise. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSubnet, type Subnet } from '../../src/linux/ipv4.ts';
import { baseRules, bridgeRule, forwardRule, portRule, privateRule, REFUSALS } from '../../src/hub/rules.ts';

const BASE_RULES = baseRules(REFUSALS[0]);

describe('baseRules()', () => {
  it('lets nothing pass that no rule names, in each chain that filters', () => {
    const filters = BASE_RULES.match(/type filter hook \w+ [^\n]*/gu) ?? [];
    assert.equal(filters.length, 3);
    for (const filter of filters) assert.match(filter, /policy drop;$/u);
  });

  it('opens the hub itself to bridges at their own gateway alone', () => {
    const [, here = ''] = /chain here \{([^}]*)\}/u.exec(BASE_RULES) ?? [];
    const accepted = here.split('\n').filter((line) => line.includes('accept'));
    assert.deepEqual(
      accepted.filter(
        (line) => !/iifname \. ip daddr @gateways |iifname "lo"|ct state established,related/u.test(line),
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

  it('empties a set that nothing is in', () => {
    assert.match(privateRule(subnets('10.89.0.0/16'), []), /flush set inet hutch routed\n$/u);
  });
});
