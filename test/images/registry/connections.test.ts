/** What hutch does with what registries say about where to go, and when to come back. */

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { hostnameOf, isLocalAddress, isLocalHost, isLoopbackHost } from '../../../src/images/registry/addresses.ts';
import { registryFailed } from '../../../src/images/registry/failures.ts';
import { headersFor, resolveLocation, sendFollowing } from '../../../src/images/registry/follow.ts';
import type { HttpAnswer, HttpRequest, Transport } from '../../../src/images/registry/http.ts';
import { createTransport } from '../../../src/images/registry/http.ts';
import { createLimiter } from '../../../src/images/registry/limiter.ts';
import { LIMITS } from '../../../src/images/registry/limits.ts';
import { retryAfterMs, withRetries } from '../../../src/images/registry/retry.ts';

const signal = new AbortController().signal;

describe('isLocalAddress()', () => {
  it('knows the addresses of this machine and its link, in all spellings', () => {
    for (const address of [
      '127.0.0.1',
      '127.9.9.9',
      '0.0.0.0',
      '169.254.169.254',
      '::1',
      '::',
      'fe80::1',
      'fe80::1%eth0',
      '::ffff:127.0.0.1',
      '::ffff:a9fe:a9fe',
    ])
      assert.equal(isLocalAddress(address), true, address);
    for (const address of ['10.0.0.1', '192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'localhost'])
      assert.equal(isLocalAddress(address), false, address);
  });
});

describe('isLoopbackHost() and isLocalHost()', () => {
  it('look at the host without port and brackets', async () => {
    assert.equal(hostnameOf('[::1]:5000'), '::1');
    assert.equal(isLoopbackHost('[::1]:5000'), true);
    assert.equal(isLoopbackHost('169.254.169.254'), false);
    assert.equal(await isLocalHost('169.254.169.254:80'), true);
    assert.equal(await isLocalHost('192.0.2.1'), false);
    // URLs write numbers in many ways; all mean 127.0.0.1.
    for (const host of ['127.1', '2130706433', '0x7f.1'])
      assert.equal(isLoopbackHost(new URL(`http://${host}`).host), true, host);
  });
});

describe('createTransport()', () => {
  it('does not connect to this machine for somebody else', async () => {
    const transport = createTransport({ limits: LIMITS, isVerified: () => true, env: {} });
    for (const url of ['http://127.0.0.1:1/', 'http://169.254.169.254/', 'http://[::1]:1/', 'http://localhost:1/'])
      await assert.rejects(
        transport.send({ method: 'GET', url: new URL(url), headers: {}, signal }, false),
        (error) => isHutchError(error, 'REGISTRY_FAILED') && error.message.includes('address of this machine'),
        url,
      );
    transport.close();
  });
});

describe('sendFollowing()', () => {
  /** Answers by URL: a Location, or nothing for the end. */
  function scripted(locations: Readonly<Record<string, string>>): {
    transport: Transport;
    sent: HttpRequest[];
    mayBeLocal: boolean[];
  } {
    const sent: HttpRequest[] = [];
    const mayBeLocal: boolean[] = [];
    const transport: Transport = {
      limits: LIMITS,
      close: () => undefined,
      send: (request, isLocal) => {
        sent.push(request);
        mayBeLocal.push(isLocal);
        const location = locations[request.url.href];
        const body = Readable.from([]);
        return Promise.resolve({
          status: location === undefined ? 200 : 307,
          headers: location === undefined ? {} : { location },
          url: request.url,
          body,
        } as unknown as HttpAnswer);
      },
    };
    return { transport, sent, mayBeLocal };
  }
  const get = (url: string): HttpRequest => ({
    method: 'GET',
    url: new URL(url),
    headers: { Authorization: 'Bearer x', Range: 'bytes=5-' },
    signal,
  });

  it('keeps Authorization within the origin, and never gives it back once it was dropped', async () => {
    const { transport, sent, mayBeLocal } = scripted({
      'https://192.0.2.1/a': '/b',
      'https://192.0.2.1/b': 'https://192.0.2.2/c',
      'https://192.0.2.2/c': 'https://192.0.2.1/d',
    });
    const { status } = await sendFollowing(transport, get('https://192.0.2.1/a'), '192.0.2.1');
    assert.equal(status, 200);
    assert.deepEqual(
      sent.map(({ url, headers }) => [url.href, headers['Authorization'], headers['Range']]),
      [
        ['https://192.0.2.1/a', 'Bearer x', 'bytes=5-'],
        ['https://192.0.2.1/b', 'Bearer x', 'bytes=5-'],
        ['https://192.0.2.2/c', undefined, 'bytes=5-'],
        ['https://192.0.2.1/d', undefined, 'bytes=5-'],
      ],
    );
    assert.deepEqual(mayBeLocal, [true, true, false, true]);
  });

  it('does not follow for a request that changes something', async () => {
    const { transport, sent } = scripted({ 'https://192.0.2.1/a': '/b' });
    const answer = await sendFollowing(transport, { ...get('https://192.0.2.1/a'), method: 'PUT' }, '192.0.2.1');
    assert.deepEqual([answer.status, sent.length], [307, 1]);
  });
});

describe('headersFor() and resolveLocation()', () => {
  it('take another port or scheme for another origin', () => {
    const from = { url: new URL('https://a.example/'), headers: { Authorization: 'x', Accept: 'y' } };
    for (const other of ['https://a.example:444/', 'http://a.example/', 'https://b.a.example/'])
      assert.deepEqual(headersFor(new URL(other), from), { Accept: 'y' });
    assert.deepEqual(headersFor(new URL('https://a.example:443/z'), from), from.headers);
  });

  it('lead from http to https, not back', () => {
    assert.equal(resolveLocation(new URL('http://a.example/x'), 'https://b.example/').host, 'b.example');
    assert.throws(
      () => resolveLocation(new URL('https://a.example/x'), 'http://a.example/'),
      (error) => isHutchError(error, 'REGISTRY_FAILED'),
    );
  });
});

describe('retryAfterMs()', () => {
  it('reads seconds and dates, and nothing else', () => {
    const now = Date.parse('2024-01-01T00:00:00Z');
    assert.equal(retryAfterMs('7', now), 7000);
    assert.equal(retryAfterMs('Mon, 01 Jan 2024 00:01:00 GMT', now), 60_000);
    assert.equal(retryAfterMs('Sun, 31 Dec 2023 00:00:00 GMT', now), 0);
    for (const header of [undefined, '', 'soon', '-1x', '1e999'])
      assert.equal(retryAfterMs(header, now), undefined, header);
  });
});

describe('withRetries()', () => {
  const limits = { ...LIMITS, attempts: 3, backoffMs: 1, longestBackoffMs: 2 };
  const passing = (): Promise<never> => Promise.reject(registryFailed('busy', { isTransient: true }));

  it('tries as often as the limits say, and not again what fails for good', async () => {
    let tries = 0;
    const attempt = (): Promise<never> => {
      tries += 1;
      return passing();
    };
    await assert.rejects(withRetries(limits, signal, attempt));
    assert.equal(tries, 3);
    tries = 0;
    const final = (): Promise<never> => {
      tries += 1;
      return Promise.reject(registryFailed('no'));
    };
    await assert.rejects(withRetries(limits, signal, final));
    assert.equal(tries, 1);
  });

  it('does not count attempts that got further than ever, but those that got less far', async () => {
    let tries = 0;
    const far = [1, 2, 3, 4, 2, 4];
    await assert.rejects(withRetries(limits, signal, passing, () => far[tries++] ?? 4));
    // One look before the first attempt, then one after each: 2, 3 and 4 are progress, what follows is not.
    assert.equal(tries, 6);
  });

  it('ends at once when it is told to', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 20);
    const patient = { ...limits, attempts: 1000, backoffMs: 60_000, longestBackoffMs: 60_000 };
    await assert.rejects(withRetries(patient, controller.signal, passing), { name: 'AbortError' });
  });
});

describe('createLimiter()', () => {
  it('runs so many at once and no more, and goes on after a failure', async () => {
    const limit = createLimiter(2);
    let [running, most] = [0, 0];
    const work = async (at: number): Promise<number> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      if (at === 1) throw new Error('one fails');
      return at;
    };
    const results = await Promise.allSettled([0, 1, 2, 3, 4].map((at) => limit(() => work(at))));
    assert.equal(most, 2);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
    );
  });
});
