import { copyBytes, hashOf, isEqual, textOf, viewOf } from '../memory.js';

const CHUNK_BITS = 20;
const CHUNK_BYTES = 1 << CHUNK_BITS;
const LENGTH_BYTES = 2;
const MAX_NAME_BYTES = 0xffff;
const MAX_CHUNKS = 4096;

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
  #chunks: DataView[] = [];
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
    const memory = memoryOf(name);
    const id = this.addBytes(memory, 0, memory.byteLength);
    this.#lastName = name;
    return id;
  }

  /** The same for a name that is `start` to `end` of some memory. */
  addBytes(memory: DataView, start: number, end: number): number {
    if (this.#isLast(memory, start, end)) return this.#lastId;
    const hash = hashOf(memory, start, end);
    let slot = this.#find(hash, memory, start, end);
    const known = this.#slots[slot] as number;
    if (known !== 0) return this.#remember(known - 1);
    if ((this.#count + 1) * 4 > this.#slots.length) {
      this.#widen();
      slot = this.#find(hash, memory, start, end);
    }
    const id = this.#count;
    this.#store(id, memory, start, end);
    this.#count++;
    this.#slots[slot] = id + 1;
    this.#slots[slot + 1] = hash;
    return this.#remember(id);
  }

  /** Whether a name has a number. */
  has(name: string): boolean {
    const memory = memoryOf(name);
    return this.findBytes(memory, 0, memory.byteLength) >= 0;
  }

  /** The number of a name that is `start` to `end` of some memory, or -1. */
  findBytes(memory: DataView, start: number, end: number): number {
    if (this.#isLast(memory, start, end)) return this.#lastId;
    return (this.#slots[this.#find(hashOf(memory, start, end), memory, start, end)] as number) - 1;
  }

  /** The bytes of a name; they may not be changed. */
  bytesOf(id: number): Uint8Array {
    const start = this.#starts[id] as number;
    const chunk = this.#chunks[start >>> CHUNK_BITS] as DataView;
    const offset = start & (CHUNK_BYTES - 1);
    return new Uint8Array(chunk.buffer, offset, lengthBefore(chunk, offset));
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

  #isLast(memory: DataView, start: number, end: number): boolean {
    return this.#count > 0 && this.#isName(this.#lastId, memory, start, end);
  }

  /** The slot of a name: its own, or the free one where it belongs. */
  #find(hash: number, memory: DataView, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (;;) {
      const id = slots[slot] as number;
      if (id === 0 || (slots[slot + 1] === hash && this.#isName(id - 1, memory, start, end))) return slot;
      slot = (slot + 2) & mask;
    }
  }

  #isName(id: number, memory: DataView, start: number, end: number): boolean {
    const at = this.#starts[id] as number;
    const chunk = this.#chunks[at >>> CHUNK_BITS] as DataView;
    const offset = at & (CHUNK_BYTES - 1);
    return lengthBefore(chunk, offset) === end - start && isEqual(memory, start, end, chunk, offset);
  }

  #store(id: number, memory: DataView, start: number, end: number): void {
    const length = end - start;
    if (length > MAX_NAME_BYTES) throw tooLong(textOf(memory, start, start + 100));
    if (this.#used + LENGTH_BYTES + length > CHUNK_BYTES) {
      if (this.#chunks.length === MAX_CHUNKS) throw new RangeError('The read names take more than 4 GiB');
      this.#chunks.push(new DataView(new ArrayBuffer(CHUNK_BYTES)));
      this.#used = 0;
    }
    const chunk = this.#chunks[this.#chunks.length - 1] as DataView;
    chunk.setUint16(this.#used, length, true);
    const offset = this.#used + LENGTH_BYTES;
    copyBytes(memory, start, end, chunk, offset);
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

function memoryOf(name: string): DataView {
  return viewOf(Buffer.from(name, 'utf8'));
}

function lengthBefore(chunk: DataView, offset: number): number {
  return chunk.getUint16(offset - LENGTH_BYTES, true);
}

function tooLong(beginning: string): RangeError {
  return new RangeError(`A read name is longer than ${MAX_NAME_BYTES} bytes: '${beginning}...'`);
}
