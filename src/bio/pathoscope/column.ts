const PART_BITS = 16;
const PART_LENGTH = 1 << PART_BITS;
const PART_MASK = PART_LENGTH - 1;

/**
 * A list of whole numbers from 0 to 2^32 - 1 that grows without being copied: four bytes per number, and never more than 256 KiB to spare.
 */
export class Column {
  #parts: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const at = this.#length++ & PART_MASK;
    if (at === 0) this.#parts.push(new Uint32Array(PART_LENGTH));
    (this.#parts[this.#parts.length - 1] as Uint32Array)[at] = value;
  }

  /** The number at an index below `length`. */
  get(index: number): number {
    return (this.#parts[index >>> PART_BITS] as Uint32Array)[index & PART_MASK] as number;
  }

  /** Replaces the number at an index below `length`. */
  set(index: number, value: number): void {
    (this.#parts[index >>> PART_BITS] as Uint32Array)[index & PART_MASK] = value;
  }
}
