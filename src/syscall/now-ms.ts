/** A clock for what is done at every start; in any process. */

/** Milliseconds of a clock that only goes forward. That of `performance` takes one to load. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
