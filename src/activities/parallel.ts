/**
 * Does the work for all items, at most `limit` at the same time, begun in their order. When one fails, those that run are aborted and
 * awaited, no other begins, and its error is thrown.
 */
export async function forEachAtOnce<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) {
      both.throwIfAborted();
      await work(item, both);
    }
  };
  const lanes = Array.from({ length: Math.min(Math.max(1, limit), items.length) }, () =>
    lane().catch((error: unknown) => {
      // The first reason counts: the others only follow from it.
      failed.abort(error);
    }),
  );
  await Promise.all(lanes);
  signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** The same items in their order; each is asked for while the one before is still worked on. */
export async function* readAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = () => {
    const asked = iterator.next();
    // Whoever waits for it next hears of it.
    asked.catch(() => undefined);
    return asked;
  };
  try {
    for (let next = ask(); ; ) {
      const { value, done } = await next;
      if (done) return;
      next = ask();
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
