/**
 * Starts several things at once and tells how each of them ended. The first that fails aborts the signal that all have, and its error is the
 * reason of all that fail then.
 */
export async function startTogether<T extends readonly unknown[]>(
  starts: { readonly [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> },
  outer?: AbortSignal,
): Promise<{ [K in keyof T]: PromiseSettledResult<T[K]> }> {
  const failing = new AbortController();
  const signal = outer ? AbortSignal.any([outer, failing.signal]) : failing.signal;
  const outcomes = await Promise.allSettled(
    starts.map(async (start) => {
      try {
        return await start(signal);
      } catch (error) {
        failing.abort(error);
        throw signal.reason;
      }
    }),
  );
  return outcomes as { [K in keyof T]: PromiseSettledResult<T[K]> };
}
