const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** A depth curve as the server sends it: points of position (from 0) and depth, ascending, and the bases of the sequence. */
export type DepthCurve = { points: readonly (readonly [number, number])[]; length: number };

/** Depth at every position, with straight lines between the points and the last depth up to the end. */
export function depthPerBase({ points, length }: DepthCurve): number[] {
  const depths: number[] = [];
  let at = 0;
  for (let position = 0; position < length; position += 1) {
    while (at < points.length - 1 && (points[at + 1]?.[0] ?? 0) <= position) at += 1;
    depths.push(interpolate(points[at], points[at + 1], position));
  }
  return depths;
}

function interpolate(
  left: readonly [number, number] | undefined,
  right: readonly [number, number] | undefined,
  position: number,
): number {
  if (!left) return 0;
  if (!right || position < left[0]) return left[1];
  return left[1] + ((right[1] - left[1]) * (position - left[0])) / (right[0] - left[0]);
}

/**
 * Mean depths along the segments of an isolate as block characters, about `width` of them, one group per segment. All
 * groups have the same scale; a blank is an uncovered part.
 */
export function sparkline(curves: readonly DepthCurve[], width: number): string {
  const total = curves.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) return '';
  const room = width - (curves.length - 1);
  const groups = curves.map((curve) => binMeans(depthPerBase(curve), Math.round((room * curve.length) / total)));
  const highest = Math.max(...groups.flat());
  return groups.map((group) => group.map((depth) => block(depth, highest)).join('')).join('|');
}

function binMeans(depths: readonly number[], wanted: number): number[] {
  const bins = Math.max(1, Math.min(wanted, depths.length));
  return Array.from({ length: bins }, (_, bin) => {
    const part = depths.slice(Math.floor((bin * depths.length) / bins), Math.floor(((bin + 1) * depths.length) / bins));
    return part.reduce((sum, depth) => sum + depth, 0) / part.length;
  });
}

function block(depth: number, highest: number): string {
  if (depth <= 0) return ' ';
  return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor((depth / highest) * BLOCKS.length))] ?? ' ';
}
