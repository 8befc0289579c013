/** A profile in a pressed file: its name and where its record begins. */
export type PressedProfile = { name: string; offset: number };

const MAGIC = 0xd3d3c9b3;
const OFFSET_BYTES = 8;
const HEADER_BYTES = 78;
/** Number of its file, and its offset, as they stand behind the name. */
const KEY_BYTES = 10;

/**
 * Reads the index that hmmpress makes (`.h3i`, Easel's SSI format, version 3.0, big endian): the profiles of the `.h3m` file beside
 * it, in the order of that file.
 *
 * @throws SyntaxError when the bytes are no such index.
 */
export function parsePressedIndex(bytes: Uint8Array): PressedProfile[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0) !== MAGIC || view.getUint32(8) !== OFFSET_BYTES) {
    throw new SyntaxError('This is no index of pressed profiles');
  }
  const count = Number(view.getBigUint64(14));
  const nameBytes = view.getUint32(34);
  const recordBytes = view.getUint32(46);
  const start = Number(view.getBigUint64(62));
  if (recordBytes < nameBytes + KEY_BYTES || start + count * recordBytes > bytes.length) {
    throw new SyntaxError('The index of pressed profiles is cut');
  }
  const profiles = Array.from({ length: count }, (_, i) => {
    const at = start + i * recordBytes;
    const name = Buffer.from(bytes.subarray(at, at + nameBytes)).toString('latin1');
    const end = name.indexOf('\0');
    return { name: end < 0 ? name : name.slice(0, end), offset: Number(view.getBigUint64(at + nameBytes + 2)) };
  });
  return profiles.sort((a, b) => a.offset - b.offset);
}

/** Bytes of a pressed file that hold neighbouring profiles; `end` is exclusive. */
export type PressedPart = { start: number; end: number };

/** Cuts a pressed file of this size between profiles, into at most `count` parts of about the same size. */
export function cutPressed(profiles: readonly PressedProfile[], size: number, count: number): PressedPart[] {
  const parts: PressedPart[] = [];
  let start = 0;
  for (const [i, { offset }] of profiles.entries()) {
    const end = profiles[i + 1]?.offset ?? size;
    if (offset < start || end <= offset) throw new SyntaxError('The index does not fit the pressed profiles');
    // Bytes stand for work: both grow with the positions of the profile.
    if (end < size && end < ((parts.length + 1) * size) / count) continue;
    parts.push({ start, end });
    start = end;
  }
  return parts;
}
