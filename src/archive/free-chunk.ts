/** Memory of chunks that were used, given back at once; in any process. */

/**
 * Frees the memory behind `chunk`, which must not be used again. Whoever streams hundreds of megabytes else leaves them to the garbage
 * collector, which costs time, and memory that is touched for the first time. Does nothing where other chunks may share the memory.
 */
export function freeChunk(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && chunk.byteLength === buffer.byteLength) buffer.transfer(0);
}
