/** Run requests and what else the pure parts of the engine need, for tests that only care about one flag. */

import assert from 'node:assert/strict';
import { HutchError, type ErrorCode } from '../../../src/errors/hutch-error.ts';
import { NO_LIMITS } from '../../../src/engine/container/limit-request.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import type { Store } from '../../../src/state/store.ts';

/** A request for the host image in which nothing but `changes` is asked for. */
export function requestOf(changes: Partial<RunRequest> = {}): RunRequest {
  const nothing: readonly string[] = [];
  return {
    image: 'host',
    command: nothing,
    remove: true,
    interactive: false,
    terminal: false,
    env: nothing,
    envFiles: nothing,
    groupAdd: nothing,
    readOnly: false,
    tmpfs: nothing,
    volumes: nothing,
    capAdd: nothing,
    capDrop: nothing,
    securityOptions: nothing,
    limits: NO_LIMITS,
    devices: nothing,
    privileged: false,
    init: false,
    ulimits: nothing,
    sysctls: nothing,
    addHosts: nothing,
    dns: nothing,
    dnsSearch: nothing,
    publish: nothing,
    publishAll: false,
    expose: nothing,
    portFallback: false,
    labels: nothing,
    labelFiles: nothing,
    logOptions: nothing,
    ...changes,
  };
}

/** The places of a store below `root`, none of which is made. */
export function storeAt(root: string): Store {
  return {
    root,
    images: `${root}/images`,
    layers: `${root}/layers`,
    containers: `${root}/containers`,
    networks: `${root}/networks`,
    staging: `${root}/staging`,
    run: `${root}-run`,
    config: `${root}-config`,
  };
}

/** For assert.throws(): an error of that code whose message and hint are what a user should read. */
export function refusal(code: ErrorCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HutchError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.ok(error.hint !== undefined && error.hint !== '', 'an error without a remedy');
    return true;
  };
}
