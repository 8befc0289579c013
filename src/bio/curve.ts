import { AreaHeap } from './area_heap.js';

/** Curves of up to this many points are drawn as they are. */
const MAX_PLAIN_POINTS = 100;
/** Share of the points that simplification keeps (more if areas are equal). */
const KEPT_SHARE = 0.4;

const REMOVALS_PER_STEP = 2048;

/** Position on the sequence (0-based) and depth. */
export type CurvePoint = [x: number, y: number];

/**
 * Turns depths per base into the points of a curve: the corners of the steps, simplified by the Visvalingam-Whyatt method if there are more
 * than 100. A sequence of one base gives (-1, d) and (0, d), as clients have always received it; no base gives no point.
 */
export function depthCurve(depths: ArrayLike<number>): CurvePoint[] {
  const steps = depthCurveInSteps(depths);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same in steps of a few milliseconds each, for callers that have other things to do in between. */
export function* depthCurveInSteps(depths: ArrayLike<number>): Generator<void, CurvePoint[], void> {
  const corners = cornerPoints(depths);
  if (corners.length <= MAX_PLAIN_POINTS) return corners;
  const areas = yield* effectiveAreas(corners);
  const threshold = areas.slice().sort().reverse()[Math.floor(KEPT_SHARE * corners.length)] as number;
  return corners.filter((_, i) => (areas[i] as number) >= threshold);
}

/** The first and the last base, and the bases on both sides of each change. */
function cornerPoints(depths: ArrayLike<number>): CurvePoint[] {
  const last = depths.length - 1;
  const depthAt = (i: number) => depths[i] as number;
  if (last < 0) return [];
  if (last === 0)
    return [
      [-1, depthAt(0)],
      [0, depthAt(0)],
    ];
  const points: CurvePoint[] = [[0, depthAt(0)]];
  for (let i = 1; i <= last; i++) {
    if (depthAt(i) === depthAt(i - 1) && i !== last) continue;
    if (points.at(-1)?.[0] !== i - 1) points.push([i - 1, depthAt(i - 1)]);
    points.push([i, depthAt(i)]);
  }
  return points;
}

/**
 * Per point the area of the triangle with its neighbours at the time it is removed, smallest first (Visvalingam and Whyatt 1993). Both ends stay
 * and have infinite area. A neighbour whose new area is no larger than the removed one takes that area and goes next,
 * the left one first.
 */
function* effectiveAreas(points: CurvePoint[]): Generator<void, Float64Array, void> {
  const count = points.length;
  const areas = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const before = Int32Array.from(points, (_, i) => i - 1);
  const after = Int32Array.from(points, (_, i) => i + 1);
  const isInner = (i: number) => i > 0 && i < count - 1;
  const currentArea = (i: number) => triangleArea(points, before[i] as number, i, after[i] as number);
  for (let i = 1; i < count - 1; i++) areas[i] = currentArea(i);

  const heap = new AreaHeap(areas);
  let forced: number | undefined;
  for (let left = count - 2; left > 0; left--) {
    if (left % REMOVALS_PER_STEP === 0) yield;
    const removed = forced ?? heap.smallest();
    const area = areas[removed] as number;
    heap.remove(removed);
    const leftOf = before[removed] as number;
    const rightOf = after[removed] as number;
    after[leftOf] = rightOf;
    before[rightOf] = leftOf;
    forced = undefined;
    for (const neighbour of [rightOf, leftOf]) {
      if (!isInner(neighbour)) continue;
      const newArea = currentArea(neighbour);
      if (newArea <= area) forced = neighbour;
      heap.change(neighbour, Math.max(newArea, area));
    }
  }
  return areas;
}

function triangleArea(points: CurvePoint[], a: number, b: number, c: number): number {
  const [x1, y1] = points[a] as CurvePoint;
  const [x2, y2] = points[b] as CurvePoint;
  const [x3, y3] = points[c] as CurvePoint;
  return Math.abs(x1 * (y2 - y3) + x2 * (y3 - y1) + x3 * (y1 - y2)) / 2;
}
