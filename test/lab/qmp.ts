/** Speaks with QEMU's monitor by QMP, over a pair of pipes. Source: qemu-qmp-ref(7). */

import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Monitor {
  /** Carries out one command; throws with the message of QEMU when it refuses, or when it ends first. */
  execute(command: string, values?: object): Promise<unknown>;
}

interface Answer {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** A monitor that has left its negotiation. */
export async function openMonitor(output: Readable, input: Writable): Promise<Monitor> {
  const waiting = new Map<number, (answer: Answer) => void>();
  let next = 0;
  let isOpen = true;
  const lines = createInterface({ input: output });
  lines.on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  lines.on('close', () => {
    isOpen = false;
    for (const settle of waiting.values()) settle({ error: { desc: 'QEMU has ended' } });
  });
  // Who reads the answers learns of the end.
  input.on('error', () => undefined);

  async function execute(command: string, values: object = {}): Promise<unknown> {
    const id = next++;
    const answer = await new Promise<Answer>((resolve) => {
      if (!isOpen) resolve({ error: { desc: 'QEMU has ended' } });
      waiting.set(id, resolve);
      input.write(`${JSON.stringify({ execute: command, arguments: values, id })}\n`);
    });
    waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`QEMU refuses ${command}: ${answer.error.desc}`);
    return answer.return;
  }

  await execute('qmp_capabilities');
  return { execute };
}
