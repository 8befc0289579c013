// Bytes are compared, copied and hashed four at a time: one by one they take most of the time that reading an aligner's output takes.
const WORD = 4;
const HASH_START = 0x811c9dc5;
const HASH_FACTOR = 0x9e3779b1;

/** The same bytes as numbers of any size. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Some of the bytes as text. */
export function textOf({ buffer, byteOffset }: DataView, start: number, end: number): string {
  return Buffer.from(buffer, byteOffset + start, end - start).toString('utf8');
}

/** Whether bytes `start` to `end` are the same as those at `otherStart` of other memory. */
export function isEqual(memory: DataView, start: number, end: number, other: DataView, otherStart: number): boolean {
  const shift = otherStart - start;
  if (end - start < WORD) {
    for (let i = start; i < end; i++) if (memory.getUint8(i) !== other.getUint8(i + shift)) return false;
    return true;
  }
  // Names that follow each other differ in their last characters.
  const last = end - WORD;
  if (memory.getInt32(last, true) !== other.getInt32(last + shift, true)) return false;
  for (let i = start; i < last; i += WORD) {
    if (memory.getInt32(i, true) !== other.getInt32(i + shift, true)) return false;
  }
  return true;
}

/** Copies bytes `start` to `end` to `at` of other memory, which has room for them. */
export function copyBytes(from: DataView, start: number, end: number, to: DataView, at: number): void {
  const shift = at - start;
  if (end - start < WORD) {
    for (let i = start; i < end; i++) to.setUint8(i + shift, from.getUint8(i));
    return;
  }
  const last = end - WORD;
  for (let i = start; i < last; i += WORD) to.setInt32(i + shift, from.getInt32(i, true), true);
  to.setInt32(last + shift, from.getInt32(last, true), true);
}

/** A 32-bit hash of bytes `start` to `end`, whose low bits depend on all of them. */
export function hashOf(memory: DataView, start: number, end: number): number {
  let hash = HASH_START ^ (end - start);
  if (end - start < WORD) {
    for (let i = start; i < end; i++) hash = mix(hash, memory.getUint8(i));
  } else {
    const last = end - WORD;
    for (let i = start; i < last; i += WORD) hash = mix(hash, memory.getInt32(i, true));
    hash = mix(hash, memory.getInt32(last, true));
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** The multiplication carries differences up, the turn brings them back to the low bits. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, HASH_FACTOR);
  return (product << 15) | (product >>> 17);
}
