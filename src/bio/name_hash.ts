const BLANK = 32;
const TAB = 9;
/** What bowtie2 keeps of a name. */
const MAX_NAME_BYTES = 255;
const WORD = 4;

/** Where the first word of a header ends that begins at `start` and ends before `end`. */
export function firstWordEnd(memory: DataView, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const byte = memory.getUint8(i);
    if (byte === BLANK || byte === TAB) return i;
  }
  return end;
}

/**
 * Two 32-bit hashes of a read's name as aligners see it: bytes `start` to `end`, cut at 255. Together they tell names apart: among a hundred
 * million different names two have the same pair with a chance of 1 in 3,700. Writes them to `out`, low half first.
 */
export function hashName(memory: DataView, start: number, end: number, out: Uint32Array): void {
  const length = Math.min(end - start, MAX_NAME_BYTES);
  const last = start + length;
  let low = 0x9747b28c ^ length;
  let high = 0x3c6ef372 ^ length;
  let i = start;
  // MurmurHash3 of two lanes, each of which goes into the other one.
  for (; i + WORD <= last; i += WORD) {
    const word = memory.getInt32(i, true);
    low = Math.imul(rotate(low ^ scramble(word, 0xcc9e2d51, 15, 0x1b873593), 13) + high, 5) + 0x6b64e654;
    high = Math.imul(rotate(high ^ scramble(word, 0x239b961b, 16, 0xab0e9789), 17) + low, 5) + 0x0bcaa747;
  }
  let tail = 0;
  for (; i < last; i++) tail = (tail << 8) | memory.getUint8(i);
  low ^= scramble(tail, 0xcc9e2d51, 15, 0x1b873593);
  high ^= scramble(tail, 0x239b961b, 16, 0xab0e9789);
  low = (low + high) | 0;
  high = (high + low) | 0;
  low = finalMix(low);
  high = finalMix(high);
  low = (low + high) | 0;
  out[0] = low;
  out[1] = high + low;
}

function scramble(word: number, first: number, turn: number, second: number): number {
  return Math.imul(rotate(Math.imul(word, first), turn), second);
}

function rotate(value: number, turn: number): number {
  return (value << turn) | (value >>> (32 - turn));
}

function finalMix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
