import { expect, test } from 'vitest';
import { createMultiReads } from '../../../src/bio/pathoscope/multi_reads.js';

const REFERENCES = 7;

/** Reads with two to six pairs each; every third read has only references from 5 on. */
function someReads(count: number) {
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const sizes = Array.from({ length: count }, () => 2 + Math.floor(draw() * 5));
  const multi = createMultiReads(
    count,
    sizes.reduce((sum, size) => sum + size, 0),
    REFERENCES,
  );
  sizes.forEach((size, r) => {
    const from = multi.start[r] as number;
    multi.start[r + 1] = from + size;
    for (let k = from; k < from + size; k++) {
      multi.reference[k] = r % 3 === 0 ? 5 + Math.floor(draw() * 2) : Math.floor(draw() * REFERENCES);
      multi.weight[k] = Math.exp(draw() * 100);
    }
    multi.best[r] = Math.max(...multi.weight.subarray(from, from + size));
  });
  return multi;
}

// The formula of the contract: x = (factor * w) / sum, and each reference gets x * best, read by read.
test.each([0, 1, 1000])('%d reads are shared out as the formula says, to the last bit', (count) => {
  const multi = someReads(count);
  const factor = Float64Array.from({ length: REFERENCES }, (_, g) => (g >= 5 ? 0 : 1 / (g + 3)));
  const expected = new Float64Array(REFERENCES);
  for (let r = 0; r < count; r++) {
    const pairs = Array.from(multi.reference.subarray(multi.start[r], multi.start[r + 1]), (g, i) => {
      return { g, y: (factor[g] as number) * (multi.weight[(multi.start[r] as number) + i] as number) };
    });
    const sum = pairs.reduce((total, { y }) => total + y, 0);
    if (sum === 0) continue;
    for (const { g, y } of pairs) expected[g] = (expected[g] as number) + (y / sum) * (multi.best[r] as number);
  }
  const shares = multi.shareOut(factor);
  expect(shares).toEqual(expected);
  // Each call counts anew, and a later one does not change what an earlier one gave.
  expect(multi.shareOut(factor)).toEqual(expected);
  multi.shareOut(new Float64Array(REFERENCES));
  expect(shares).toEqual(expected);
});

test('more than the host can give is a RangeError', () => {
  expect(() => createMultiReads(1, 2 ** 30, 1)).toThrow(RangeError);
});
