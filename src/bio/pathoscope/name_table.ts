const CHUNK_BITS = 20;
const CHUNK_BYTES = 1 << CHUNK_BITS;
const LENGTH_BYTES = 2;
const MAX_NAME_BYTES = 0xffff;
const MAX_CHUNKS = 4096;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Gives texts running numbers at first sight, 0, 1, 2, ... Holds the texts as bytes outside the JavaScript heap: a read name costs
 * about its own length plus 20 to 35 bytes, and nothing that the text was cut from is kept alive. Names up to 65,535 bytes, 4 GiB in all.
 * A text counts as its bytes in UTF-8.
 */
export class NameTable {
  #count = 0;
  /**
   * Open addressing, two words per slot: id + 1, 0 for a free one, and the hash of the name beside it, which decides nearly all comparisons
   * without another look into memory and makes the table quick to widen. At most half full.
   */
  #slots = new Uint32Array(1 << 13);
  /** Where each name starts, with two bytes of its length before it: chunk number * CHUNK_BYTES + offset in the chunk. */
  #starts = new Uint32Array(1 << 11);
  #chunks: Uint8Array[] = [];
  #used = CHUNK_BYTES;
  /** The lines of a read mostly follow each other. */
  #lastName: string | undefined;
  #lastId = 0;

  get size(): number {
    return this.#count;
  }

  /** The number of a name; a new name gets the next one. */
  add(name: string): number {
    if (name === this.#lastName) return this.#lastId;
    const bytes = encode(name);
    const id = this.addBytes(bytes, 0, bytes.length);
    this.#lastName = name;
    return id;
  }

  /** The same for a name that is `start` to `end` of some bytes. */
  addBytes(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isLast(bytes, start, end)) return this.#lastId;
    const hash = hashOf(bytes, start, end);
    let slot = this.#find(hash, bytes, start, end);
    const known = this.#slots[slot] as number;
    if (known !== 0) return this.#remember(known - 1);
    if ((this.#count + 1) * 4 > this.#slots.length) {
      this.#widen();
      slot = this.#find(hash, bytes, start, end);
    }
    const id = this.#count;
    this.#store(id, bytes, start, end);
    this.#count++;
    this.#slots[slot] = id + 1;
    this.#slots[slot + 1] = hash;
    return this.#remember(id);
  }

  /** Whether a name has a number. */
  has(name: string): boolean {
    const bytes = encode(name);
    return this.findBytes(bytes, 0, bytes.length) >= 0;
  }

  /** The number of a name that is `start` to `end` of some bytes, or -1. */
  findBytes(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isLast(bytes, start, end)) return this.#lastId;
    return (this.#slots[this.#find(hashOf(bytes, start, end), bytes, start, end)] as number) - 1;
  }

  /** The bytes of a name; they may not be changed. */
  bytesOf(id: number): Uint8Array {
    const start = this.#starts[id] as number;
    const chunk = this.#chunks[start >>> CHUNK_BITS] as Uint8Array;
    const offset = start & (CHUNK_BYTES - 1);
    return chunk.subarray(offset, offset + lengthBefore(chunk, offset));
  }

  /** All names in the order of their numbers. */
  texts(): string[] {
    return Array.from({ length: this.#count }, (_, id) => Buffer.from(this.bytesOf(id)).toString('utf8'));
  }

  #remember(id: number): number {
    this.#lastId = id;
    this.#lastName = undefined;
    return id;
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#count > 0 && this.#isName(this.#lastId, bytes, start, end);
  }

  /** The slot of a name: its own, or the free one where it belongs. */
  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (;;) {
      const id = slots[slot] as number;
      if (id === 0 || (slots[slot + 1] === hash && this.#isName(id - 1, bytes, start, end))) return slot;
      slot = (slot + 2) & mask;
    }
  }

  #isName(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.#starts[id] as number;
    const chunk = this.#chunks[at >>> CHUNK_BITS] as Uint8Array;
    const offset = at & (CHUNK_BYTES - 1);
    const length = end - start;
    if (lengthBefore(chunk, offset) !== length) return false;
    // Names that follow each other differ in their last characters.
    for (let i = length - 1; i >= 0; i--) if (chunk[offset + i] !== bytes[start + i]) return false;
    return true;
  }

  #store(id: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > MAX_NAME_BYTES) throw tooLong(bytes.subarray(start, start + 100));
    if (this.#used + LENGTH_BYTES + length > CHUNK_BYTES) {
      if (this.#chunks.length === MAX_CHUNKS) throw new RangeError('The read names take more than 4 GiB');
      this.#chunks.push(new Uint8Array(CHUNK_BYTES));
      this.#used = 0;
    }
    const chunk = this.#chunks[this.#chunks.length - 1] as Uint8Array;
    chunk[this.#used] = length & 0xff;
    chunk[this.#used + 1] = length >> 8;
    const offset = this.#used + LENGTH_BYTES;
    for (let i = 0; i < length; i++) chunk[offset + i] = bytes[start + i] as number;
    this.#starts[id] = (this.#chunks.length - 1) * CHUNK_BYTES + offset;
    this.#used = offset + length;
  }

  #widen(): void {
    this.#starts = doubled(this.#starts);
    const former = this.#slots;
    const slots = new Uint32Array(former.length * 2);
    const mask = slots.length - 1;
    for (let from = 0; from < former.length; from += 2) {
      if (former[from] === 0) continue;
      const hash = former[from + 1] as number;
      let slot = (hash << 1) & mask;
      while (slots[slot] !== 0) slot = (slot + 2) & mask;
      slots[slot] = former[from] as number;
      slots[slot + 1] = hash;
    }
    this.#slots = slots;
  }
}

/** A copy of twice the length, zeros behind. */
export function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(values.length * 2);
  larger.set(values);
  return larger;
}

function encode(name: string): Uint8Array {
  return Buffer.from(name, 'utf8');
}

function lengthBefore(chunk: Uint8Array, offset: number): number {
  return (chunk[offset - LENGTH_BYTES] as number) | ((chunk[offset - 1] as number) << 8);
}

/** FNV-1a. Read names differ in their last digits mostly; the end carries the differences into the low bits that choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

function tooLong(name: Uint8Array): RangeError {
  return new RangeError(
    `A read name is longer than ${MAX_NAME_BYTES} bytes: '${Buffer.from(name).toString('utf8')}...'`,
  );
}
