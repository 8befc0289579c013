/** Values used last, up to a number of bytes. */
export type ByteCache<T> = {
  /** The value, which then counts as used last. */
  get(key: string): T | undefined;
  /** Keeps a value, and lets the longest unused ones go for it; one that is larger than the whole cache is not kept. */
  set(key: string, value: T, bytes: number): void;
};

/** An empty cache. Sizes are what the callers say. */
export function createByteCache<T>(maximumBytes: number): ByteCache<T> {
  const kept = new Map<string, { value: T; bytes: number }>();
  let total = 0;
  const drop = (key: string) => {
    total -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  };
  return {
    get(key) {
      const entry = kept.get(key);
      if (!entry) return undefined;
      kept.delete(key);
      kept.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes) {
      drop(key);
      if (bytes > maximumBytes) return;
      kept.set(key, { value, bytes });
      total += bytes;
      for (const oldest of kept.keys()) {
        if (total <= maximumBytes) break;
        drop(oldest);
      }
    },
  };
}
