/** Listing the tags of a repository at registries that page, repeat themselves, or lie. */

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, beforeEach, describe, it } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { openRepository } from '../../../src/images/registry/client.ts';
import { createTransport } from '../../../src/images/registry/http.ts';
import { LIMITS } from '../../../src/images/registry/limits.ts';
import { listTags } from '../../../src/images/registry/list-tags.ts';
import { startStub } from '../../helpers/stub-registry.ts';

const [registry, stranger] = await Promise.all([startStub(), startStub()]);
const transport = createTransport({
  limits: { ...LIMITS, attempts: 2, backoffMs: 1 },
  isVerified: () => true,
  env: {},
});
after(async () => {
  transport.close();
  await Promise.all([registry.stop(), stranger.stop()]);
});
beforeEach(() => {
  registry.reset();
  stranger.reset();
});

const PATH = '/v2/team/app/tags/list';

async function tags(): Promise<string[]> {
  const source = { domain: registry.host, path: 'team/app', insecure: false, isMirror: false };
  const { signal } = new AbortController();
  return listTags(await openRepository({ source, transport, credentials: undefined, signal, actions: 'pull' }));
}

/** Answers for the list of tags only. */
function answering(answer: (url: string, response: ServerResponse) => unknown): void {
  registry.behave((request: IncomingMessage, response, next) =>
    request.url?.startsWith(PATH) === true ? answer(request.url, response) : next(),
  );
}

const page = (response: ServerResponse, names: unknown, link?: string): unknown =>
  response
    .writeHead(200, link === undefined ? {} : { link: `<${link}>; rel="next"` })
    .end(JSON.stringify({ tags: names }));

describe('listTags()', () => {
  it('follows the pages of a registry', async () => {
    answering((url, response) =>
      url.includes('last=b') ? page(response, ['c']) : page(response, ['a', 'b'], `${PATH}?last=b&n=2`),
    );
    assert.deepEqual(await tags(), ['a', 'b', 'c']);
    assert.deepEqual(
      registry.requests.map(({ line }) => line).filter((line) => line.includes('tags')),
      [`GET ${PATH}?n=1000`, `GET ${PATH}?last=b&n=2`],
    );
  });

  it('ends with a registry that gives the same page again and again', async () => {
    answering((_url, response) => page(response, ['a'], `${PATH}?last=a`));
    assert.deepEqual(await tags(), ['a']);
  });

  it('follows nobody to another registry', async () => {
    answering((_url, response) => page(response, ['a'], `${stranger.url}${PATH}?last=a`));
    assert.deepEqual(await tags(), ['a']);
    assert.deepEqual(stranger.requests, []);
  });

  it('knows a repository without tags', async () => {
    answering((_url, response) => page(response, null));
    assert.deepEqual(await tags(), []);
  });

  for (const [what, body] of [
    ['no JSON', '<html>'],
    ['null', 'null'],
    ['no list', '{"tags":"a"}'],
    ['words that are no tags', '{"tags":["../../etc"]}'],
    ['words that would move a terminal', JSON.stringify({ tags: ['a\u001b[2J'] })],
  ] as const)
    it(`refuses ${what}`, async () => {
      answering((_url, response) => response.writeHead(200).end(body));
      await assert.rejects(
        tags(),
        (error) => isHutchError(error, 'REGISTRY_FAILED') && error.message.includes('no list of tags'),
      );
    });

  it('tries again after a failure of the registry, and tells what is not there', async () => {
    let failures = 1;
    answering((_url, response) => (failures-- > 0 ? response.writeHead(503).end() : page(response, ['a'])));
    assert.deepEqual(await tags(), ['a']);
    answering((_url, response) => response.writeHead(404).end());
    await assert.rejects(tags(), (error) => isHutchError(error, 'IMAGE_UNKNOWN'));
  });
});
