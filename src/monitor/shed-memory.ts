/** Giving back the memory that the start of a container took, or many connections to a port; in its monitor, which has nothing to do from then on (docs/adr/0012), and the hub. */
import { queryObjects, setFlagsFromString } from 'node:v8';
import { loadKoffi } from '../syscall/koffi.ts';

/** A container that ends sooner has no use for it, and commands that follow a start at once have the processor for themselves. */
const AFTER_MS = 5000;
/** For V8's own threads to let go of what was collected, before the C library is asked to. */
const SETTLE_MS = 200;

/** Plans it; does not keep the process alive. Returns what clearTimeout() takes, as long as it has not begun. */
export function shedMemoryLater(begins: () => void = () => undefined): NodeJS.Timeout {
  return setTimeout(() => {
    begins();
    collectGarbage();
    setTimeout(trimHeap, SETTLE_MS).unref();
  }, AFTER_MS).unref();
}

class Nobody {
  readonly isNobody = true;
}

/**
 * Collects all there is, compiled code too: what is needed once more, at the container's end, is compiled from its source again. Counting objects
 * is V8's way to a collection without the flag that would make its code caches useless.
 */
function collectGarbage(): void {
  setFlagsFromString('--stress-flush-code --flush-baseline-code');
  try {
    queryObjects(Nobody, { format: 'count' });
  } finally {
    setFlagsFromString('--no-stress-flush-code --no-flush-baseline-code');
  }
}

/** Source: malloc_trim(3), which is glibc's alone. */
function trimHeap(): void {
  try {
    const trim = loadKoffi().load(null).func('malloc_trim', 'int', ['size_t']) as unknown as (pad: number) => number;
    trim(0);
  } catch {
    // Another C library: then it keeps what it has.
  }
}
