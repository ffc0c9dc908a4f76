/** `--change` instructions of an import. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultsFromChanges } from '../../src/images/image-changes.ts';

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

test('defaultsFromChanges() quotes what it cannot read', () => {
  for (const change of ['RUN true', 'CMD', '', 'EXPOSE web', 'EXPOSE 70000', 'ENV ONLY', 'LABEL a="b', 'ENV A=1 =2']) {
    assert.throws(() => defaultsFromChanges([change]), {
      code: 'USAGE_INVALID',
      message: `--change "${change}" cannot be read`,
    });
  }
});
