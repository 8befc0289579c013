import { textOf } from './memory.js';

const ZERO = 48;
const ASTERISK = 42;
const MATCH = 77;
/** M, = and X: a base of the read stands on a base of the reference. */
const COVERING: readonly number[] = [MATCH, 61, 88];
/** D and N: the read jumps over bases of the reference. */
const JUMPING: readonly number[] = [68, 78];
/** I, S, H and P: nothing of the reference is passed. */
const STAYING: readonly number[] = [73, 83, 72, 80];

/** M, I, S, = and X: bases that the read has. */
const OF_THE_READ: readonly number[] = [MATCH, 73, 83, 61, 88];
const OPERATIONS: readonly number[] = [...COVERING, ...JUMPING, ...STAYING];

/**
 * The stretches of the reference that a read really covers, from the CIGAR of its alignment (SAM specification, section 1.4.6): by turns how
 * many bases behind the alignment's position a stretch begins, and its length. Inserted and clipped bases of the read, and deleted ones of the
 * reference, are in none. Throws on a text that is not a CIGAR; `*`, none at all, covers nothing.
 */
export function coveredStretches(cigar: string): Uint32Array {
  const stretches: number[] = [];
  if (cigar.length === 1 && cigar.charCodeAt(0) === ASTERISK) return new Uint32Array(0);
  let offset = 0;
  let count = 0;
  let hasCount = false;
  for (let at = 0; at < cigar.length; at++) {
    const code = cigar.charCodeAt(at);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      count = count * 10 + digit;
      hasCount = true;
      continue;
    }
    if (!hasCount) throw notCigar(cigar);
    if (COVERING.includes(code)) {
      const last = stretches.length - 2;
      const isLonger = last >= 0 && (stretches[last] as number) + (stretches[last + 1] as number) === offset;
      if (isLonger) stretches[last + 1] = (stretches[last + 1] as number) + count;
      else stretches.push(offset, count);
      offset += count;
    } else if (JUMPING.includes(code)) offset += count;
    else if (!STAYING.includes(code)) throw notCigar(cigar);
    count = 0;
    hasCount = false;
  }
  if (hasCount || cigar.length === 0) throw notCigar(cigar);
  return Uint32Array.from(stretches);
}

/**
 * The bases of a read whose CIGAR, `start` to `end` of some memory, is a single match, so that the whole read covers the reference; -1
 * for any other CIGAR.
 */
export function matchLength(memory: DataView, start: number, end: number): number {
  if (end - start < 2 || end > memory.byteLength || memory.getUint8(end - 1) !== MATCH) return -1;
  let length = 0;
  for (let at = start; at < end - 1; at++) {
    const digit = memory.getUint8(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/** The bases of a read by its CIGAR, `start` to `end` of some memory, soft-clipped ends included. Throws on what is not a CIGAR. */
export function readLength(memory: DataView, start: number, end: number): number {
  let length = 0;
  let count = 0;
  for (let at = start; at < end; at++) {
    const code = memory.getUint8(at);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      count = count * 10 + digit;
      continue;
    }
    if (!OPERATIONS.includes(code)) throw notCigar(textOf(memory, start, end));
    if (OF_THE_READ.includes(code)) length += count;
    count = 0;
  }
  return length;
}

function notCigar(text: string): Error {
  return new Error(`Not a CIGAR: '${text.slice(0, 200)}'`);
}
