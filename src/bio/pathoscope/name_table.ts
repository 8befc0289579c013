const CHUNK_BYTES = 1 << 20;
const MAX_NAME_BYTES = 0xffff;
const MAX_CHUNKS = 4096;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Gives texts running numbers at first sight, 0, 1, 2, ... Holds the texts as bytes outside the JavaScript heap: a read name costs
 * about its own length plus 20 to 35 bytes, and nothing that the text was cut from is kept alive. Names up to 65,535 bytes, 4 GiB in all.
 */
export class NameTable {
  #count = 0;
  /** Open addressing, id + 1 per slot, 0 for a free one; at most half full. */
  #slots = new Uint32Array(1 << 12);
  /** Hash of each name: decides nearly all comparisons, and makes the table quick to widen. */
  #hashes = new Uint32Array(1 << 11);
  /** Where each name starts: chunk number * CHUNK_BYTES + offset in the chunk. */
  #starts = new Uint32Array(1 << 11);
  #chunks: Uint8Array[] = [];
  #used = CHUNK_BYTES;
  /** The name being looked up: two bytes of length, then the text in UTF-8. */
  readonly #scratch = new Uint8Array(MAX_NAME_BYTES + 8);
  #scratchBytes = 0;
  /** The lines of a read mostly follow each other. */
  #lastName: string | undefined;
  #lastId = 0;

  get size(): number {
    return this.#count;
  }

  /** The number of a name; a new name gets the next one. */
  add(name: string): number {
    if (name === this.#lastName) return this.#lastId;
    const id = this.#number(name);
    this.#lastName = name;
    this.#lastId = id;
    return id;
  }

  /** Whether a name has a number. */
  has(name: string): boolean {
    return name === this.#lastName || this.#slots[this.#find(this.#encode(name))] !== 0;
  }

  #number(name: string): number {
    const hash = this.#encode(name);
    let slot = this.#find(hash);
    const known = this.#slots[slot] as number;
    if (known !== 0) return known - 1;
    if ((this.#count + 1) * 2 > this.#slots.length) {
      this.#widen();
      slot = this.#find(hash);
    }
    const id = this.#count++;
    this.#slots[slot] = id + 1;
    this.#hashes[id] = hash;
    this.#store(id);
    return id;
  }

  /** The slot of the name in the scratch: its own, or the free one where it belongs. */
  #find(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#slots[slot] as number;
      if (id === 0 || (this.#hashes[id - 1] === hash && this.#isScratch(id - 1))) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isScratch(id: number): boolean {
    const start = this.#starts[id] as number;
    const chunk = this.#chunks[Math.floor(start / CHUNK_BYTES)] as Uint8Array;
    const scratch = this.#scratch;
    const length = this.#scratchBytes;
    const offset = start % CHUNK_BYTES;
    for (let i = 0; i < length; i++) if (chunk[offset + i] !== scratch[i]) return false;
    return true;
  }

  /** Puts a name into the scratch and returns its hash. */
  #encode(name: string): number {
    const scratch = this.#scratch;
    const length = name.length;
    if (length > MAX_NAME_BYTES) throw tooLong(name);
    let hash = FNV_OFFSET;
    for (let i = 0; i < length; i++) {
      const code = name.charCodeAt(i);
      if (code > 127) return this.#encodeUtf8(name);
      scratch[i + 2] = code;
      hash = Math.imul(hash ^ code, FNV_PRIME);
    }
    return this.#finish(length, hash);
  }

  #encodeUtf8(name: string): number {
    const bytes = Buffer.from(name, 'utf8');
    if (bytes.length > MAX_NAME_BYTES) throw tooLong(name);
    this.#scratch.set(bytes, 2);
    let hash = FNV_OFFSET;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
    return this.#finish(bytes.length, hash);
  }

  #finish(length: number, hash: number): number {
    this.#scratch[0] = length & 0xff;
    this.#scratch[1] = length >> 8;
    this.#scratchBytes = length + 2;
    return spread(hash);
  }

  #store(id: number): void {
    if (this.#used + this.#scratchBytes > CHUNK_BYTES) {
      if (this.#chunks.length === MAX_CHUNKS) throw new RangeError('The read names take more than 4 GiB');
      this.#chunks.push(new Uint8Array(CHUNK_BYTES));
      this.#used = 0;
    }
    const chunk = this.#chunks[this.#chunks.length - 1] as Uint8Array;
    for (let i = 0; i < this.#scratchBytes; i++) chunk[this.#used + i] = this.#scratch[i] as number;
    this.#starts[id] = (this.#chunks.length - 1) * CHUNK_BYTES + this.#used;
    this.#used += this.#scratchBytes;
  }

  #widen(): void {
    this.#hashes = doubled(this.#hashes);
    this.#starts = doubled(this.#starts);
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#count; id++) {
      let slot = (this.#hashes[id] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
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

/** Read names differ in their last digits mostly; this carries the differences into the low bits that choose the slot. */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

function tooLong(name: string): RangeError {
  return new RangeError(`A read name is longer than ${MAX_NAME_BYTES} bytes: '${name.slice(0, 100)}...'`);
}
