/** `--change` instructions of an import or a commit. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultsFromChanges } from '../../../src/engine/image/image-changes.ts';

test('defaultsFromChanges() applies instructions in order', () => {
  const changes = [
    'CMD ["sh", "-l"]',
    'entrypoint exec top',
    'ENV A=1 B="two words" C=\'x y\' D=a\\ b',
    'ENV A=2',
    'ENV OLD the rest',
    'LABEL k=v',
    'EXPOSE 80 53/udp',
    'USER 1000:1000',
    'VOLUME ["/a b"]',
    'VOLUME /c',
    'WORKDIR /srv',
    'WORKDIR data',
    'STOPSIGNAL SIGQUIT',
    'CMD=top',
  ];
  assert.deepEqual(defaultsFromChanges(changes), {
    Cmd: ['/bin/sh', '-c', 'top'],
    Entrypoint: ['/bin/sh', '-c', 'exec top'],
    Env: ['A=2', 'B=two words', 'C=x y', 'D=a b', 'OLD=the rest'],
    Labels: { k: 'v' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    User: '1000:1000',
    Volumes: { '/a b': {}, '/c': {} },
    WorkingDir: '/srv/data',
    StopSignal: 'SIGQUIT',
  });
  assert.deepEqual(defaultsFromChanges([]), {});
});

test('defaultsFromChanges() takes health checks, instructions for later and ranges of ports', () => {
  const health =
    'HEALTHCHECK --interval=5s --timeout=500ms --start-period=1m --start-interval=2s --retries=2 CMD test -e /ok';
  assert.deepEqual(defaultsFromChanges([health]).Healthcheck, {
    Test: ['CMD-SHELL', 'test -e /ok'],
    Interval: 5e9,
    Timeout: 5e8,
    StartPeriod: 6e10,
    StartInterval: 2e9,
    Retries: 2,
  });
  assert.deepEqual(defaultsFromChanges(['healthcheck cmd ["true", "x"]']).Healthcheck, { Test: ['CMD', 'true', 'x'] });
  assert.deepEqual(defaultsFromChanges([health, 'HEALTHCHECK NONE']).Healthcheck, { Test: ['NONE'] });
  assert.deepEqual(defaultsFromChanges(['ONBUILD RUN make', 'ONBUILD USER 1'], { OnBuild: ['ADD a b'] }).OnBuild, [
    'ADD a b',
    'RUN make',
    'USER 1',
  ]);
  assert.deepEqual(defaultsFromChanges(['EXPOSE 80-82/udp']).ExposedPorts, {
    '80/udp': {},
    '81/udp': {},
    '82/udp': {},
  });
});

test('defaultsFromChanges() refuses health checks, signals and instructions for later that mean nothing', () => {
  for (const change of [
    'HEALTHCHECK true',
    'HEALTHCHECK CMD',
    'HEALTHCHECK CMD []',
    'HEALTHCHECK --foo=1 CMD true',
    'HEALTHCHECK --interval=soon CMD true',
    'HEALTHCHECK --retries=x CMD true',
    'HEALTHCHECK --retries=2 NONE',
    'ONBUILD FROM x',
    'ONBUILD ONBUILD RUN x',
    'ONBUILD RUN',
    'EXPOSE 90-80',
    'STOPSIGNAL NOPE',
    'STOPSIGNAL 99',
  ]) {
    assert.throws(() => defaultsFromChanges([change]), { code: 'USAGE_INVALID' }, change);
  }
});

test('defaultsFromChanges() quotes what it cannot read', () => {
  for (const change of ['RUN true', 'CMD', '', 'EXPOSE web', 'EXPOSE 70000', 'ENV ONLY', 'LABEL a="b', 'ENV A=1 =2']) {
    assert.throws(() => defaultsFromChanges([change]), {
      code: 'USAGE_INVALID',
      message: `--change "${change}" cannot be read`,
    });
  }
});
