import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type CurvePoint, depthCurve } from '../../src/bio/curve.js';

const fill = (length: number, depth: (i: number) => number) => Array.from({ length }, (_, i) => depth(i));

/** The rule as it is written down, searching the whole list for each removal. */
function simplifySlowly(points: CurvePoint[]): CurvePoint[] {
  const area = ([a, b, c]: CurvePoint[]) =>
    Math.abs(a![0] * (b![1] - c![1]) + b![0] * (c![1] - a![1]) + c![0] * (a![1] - b![1])) / 2;
  const rest = points.map((point, i) => ({ point, i, area: Number.POSITIVE_INFINITY }));
  const final = points.map(() => Number.POSITIVE_INFINITY);
  const areaAt = (k: number) => area(rest.slice(k - 1, k + 2).map(({ point }) => point));
  for (let k = 1; k < rest.length - 1; k++) rest[k]!.area = areaAt(k);
  let next = -1;
  while (rest.length > 2) {
    if (next < 0) {
      const smallest = Math.min(...rest.map((entry) => entry.area));
      next = rest.findIndex((entry) => entry.area === smallest);
    }
    const k = next;
    const removed = rest.splice(k, 1)[0]!;
    final[removed.i] = removed.area;
    next = -1;
    for (const neighbour of [k, k - 1]) {
      if (neighbour < 1 || neighbour >= rest.length - 1) continue;
      const fresh = areaAt(neighbour);
      if (fresh <= removed.area) next = neighbour;
      rest[neighbour]!.area = Math.max(fresh, removed.area);
    }
  }
  const threshold = [...final].sort((a, b) => b - a)[Math.floor(0.4 * points.length)]!;
  return points.filter((_, i) => final[i]! >= threshold);
}

test.each([
  [
    [0, 0, 1, 1, 2, 3, 3, 3, 4, 4, 3, 2],
    [
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 1],
      [4, 2],
      [5, 3],
      [7, 3],
      [8, 4],
      [9, 4],
      [10, 3],
      [11, 2],
    ],
  ],
  [
    [5, 5],
    [
      [0, 5],
      [1, 5],
    ],
  ],
  [
    [5],
    [
      [-1, 5],
      [0, 5],
    ],
  ],
  [[], []],
  [
    [1, 2],
    [
      [0, 1],
      [1, 2],
    ],
  ],
  [
    [7, 7, 7, 7],
    [
      [0, 7],
      [2, 7],
      [3, 7],
    ],
  ],
])('corners of %j', (depths, points) => {
  expect(depthCurve(depths)).toEqual(points);
});

test('150 points become 82, as recorded', () => {
  const curve = depthCurve(fill(150, (i) => (7 * i) % 11));
  expect(curve).toHaveLength(82);
  expect(curve.slice(0, 7)).toEqual([
    [0, 0],
    [3, 10],
    [5, 2],
    [6, 9],
    [8, 1],
    [9, 8],
    [11, 0],
  ]);
  expect(curve.slice(-3)).toEqual([
    [146, 10],
    [148, 2],
    [149, 9],
  ]);
});

test('160 points become 72, as recorded', () => {
  const curve = depthCurve(fill(160, (i) => (i * i) % 97));
  expect(curve).toHaveLength(72);
  expect(createHash('sha1').update(JSON.stringify(curve)).digest('hex')).toBe(
    'feec1c5100a52958a231b4398c2f9af18f15d576',
  );
});

test('100 points stay, 101 are simplified', () => {
  expect(depthCurve(fill(100, (i) => i % 2))).toHaveLength(100);
  expect(depthCurve(fill(101, (i) => (i * i) % 7)).length).toBeLessThan(101);
});

// The heap is only a faster search: ties, plateaus and forced removals must come out as by the written rule.
test('curves of many shapes are simplified as by the written rule', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let round = 0; round < 60; round++) {
    let depth = 5;
    const spread = 2 + random(6);
    const depths = fill(120 + random(300), () => {
      depth = Math.max(0, depth + random(spread) - Math.floor(spread / 2));
      return depth;
    });
    const corners: CurvePoint[] = [];
    depths.forEach((value, i) => {
      if (i === 0 || i === depths.length - 1 || value !== depths[i - 1] || value !== depths[i + 1])
        corners.push([i, value]);
    });
    if (corners.at(-2)?.[0] !== depths.length - 2) corners.splice(-1, 0, [depths.length - 2, depths.at(-2)!]);
    expect(depthCurve(depths)).toEqual(corners.length > 100 ? simplifySlowly(corners) : corners);
  }
});
