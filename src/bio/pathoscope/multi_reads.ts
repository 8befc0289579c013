import binary from '#share-out';

/**
 * The reads that align to several references as one list of (read, reference) pairs; those of read r are `start[r]` to
 * `start[r + 1] - 1`, two at least.
 */
export type MultiReads = {
  count: number;
  start: Uint32Array;
  reference: Uint32Array;
  weight: Float64Array;
  /** Per read: its largest weight. */
  best: Float64Array;
  /**
   * The weight that each reference receives when every read is assigned in proportion to factor * weight; `factor` has one value per
   * reference. The assignment itself is not kept: memory that is written in every round would take most of the time.
   */
  shareOut(factor: Float64Array): Float64Array<ArrayBuffer>;
};

type ShareOut = (count: number, ...addresses: number[]) => void;

const PAGE_BYTES = 65_536;
const kernel = new WebAssembly.Module(binary);

/**
 * Room for some reads and their pairs with so many references, all zeros: 12 bytes per pair and as many per read. Throws a RangeError when
 * the host does not give that much, or beyond 4 GiB.
 */
export function createMultiReads(count: number, pairs: number, references: number): MultiReads {
  const layout = [
    ...[8 * pairs, 8 * count, 8 * references, 8 * references, 8 * references],
    ...[4 * (count + 1), 4 * pairs],
  ].map((bytes) => Math.ceil(bytes / 8) * 8);
  const total = layout.reduce((sum, bytes) => sum + bytes, 0);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(total / PAGE_BYTES) });
  let end = 0;
  const [weight, best, factors, shares, products, start, reference] = layout.map((bytes) => {
    end += bytes;
    return end - bytes;
  }) as [number, number, number, number, number, number, number];
  const { exports } = new WebAssembly.Instance(kernel, { reads: { memory } });
  const shareOut = exports.shareOut as ShareOut;
  const { buffer } = memory;
  return {
    count,
    start: new Uint32Array(buffer, start, count + 1),
    reference: new Uint32Array(buffer, reference, pairs),
    weight: new Float64Array(buffer, weight, pairs),
    best: new Float64Array(buffer, best, count),
    shareOut(factor) {
      new Float64Array(buffer, factors, references).set(factor);
      const received = new Float64Array(buffer, shares, references).fill(0);
      shareOut(count, start, reference, weight, best, factors, shares, products);
      return received.slice();
    },
  };
}
