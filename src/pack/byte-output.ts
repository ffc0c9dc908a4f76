/** Bytes to a descriptor in large pieces; pack program. */
import { writeSync } from 'node:fs';

export interface ByteOutput {
  /** `bytes` may be used again after the call. */
  write(bytes: Buffer): void;
  flush(): void;
}

const BUFFER_BYTES = 1 << 18;

/** Collects small pieces; large ones go out as they are. `fd` must block. */
export function createByteOutput(fd: number): ByteOutput {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let used = 0;
  const flush = (): void => {
    const end = used;
    used = 0;
    writeAll(fd, buffer.subarray(0, end));
  };
  return {
    write(bytes) {
      if (used + bytes.length > buffer.length) flush();
      if (bytes.length >= buffer.length) writeAll(fd, bytes);
      else used += bytes.copy(buffer, used);
    },
    flush,
  };
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
