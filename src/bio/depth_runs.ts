/** Bases in a row with one depth; 0-based, the end is behind the last one. */
export type DepthRun = { start: number; end: number; depth: number };

/** The depths of a sequence as runs of equal ones, from its first to its last base. */
export function* depthRuns(depths: ArrayLike<number>): Generator<DepthRun> {
  let start = 0;
  for (let at = 1; at <= depths.length; at++) {
    if (at < depths.length && depths[at] === depths[start]) continue;
    yield { start, end: at, depth: depths[start] as number };
    start = at;
  }
}

const GROUP_BITS = 7;
const MORE = 0x80;
/** More than the longest known sequence of a virus or host has. */
const MAXIMUM_BASES = 2 ** 28;

/**
 * Depths as a short text, to be kept in results: per run its length and the change of depth since the run before (even: twice a rise, odd: a
 * fall), as numbers of seven bits per byte, low bits first, all in base64. One to three bytes per change of depth instead of ten per base.
 */
export function packDepths(depths: ArrayLike<number>): string {
  const bytes: number[] = [];
  let before = 0;
  for (const { start, end, depth } of depthRuns(depths)) {
    const change = depth - before;
    pushNumber(bytes, end - start);
    pushNumber(bytes, change >= 0 ? change * 2 : -change * 2 - 1);
    before = depth;
  }
  return Buffer.from(bytes).toString('base64');
}

/** The depths that {@link packDepths} made a text of. Throws RangeError on anything else. */
export function unpackDepths(text: string): Uint32Array {
  const runs = readNumbers(Buffer.from(text, 'base64'));
  if (runs.length % 2 !== 0) throw notPacked();
  let bases = 0;
  for (let at = 0; at < runs.length; at += 2) bases += runs[at] as number;
  if (bases > MAXIMUM_BASES) throw notPacked();
  const depths = new Uint32Array(bases);
  let base = 0;
  let depth = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const change = runs[at + 1] as number;
    depth += change % 2 === 0 ? change / 2 : -(change + 1) / 2;
    if (depth < 0) throw notPacked();
    depths.fill(depth, base, base + (runs[at] as number));
    base += runs[at] as number;
  }
  return depths;
}

function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= MORE) {
    bytes.push((rest % MORE) | MORE);
    rest = Math.floor(rest / MORE);
  }
  bytes.push(rest);
}

function readNumbers(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const byte of bytes) {
    value += (byte & (MORE - 1)) * 2 ** shift;
    shift += GROUP_BITS;
    if (byte & MORE) continue;
    numbers.push(value);
    value = 0;
    shift = 0;
  }
  if (shift > 0) throw notPacked();
  return numbers;
}

function notPacked(): RangeError {
  return new RangeError('The depths of a sequence are damaged');
}
