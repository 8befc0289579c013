import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { hashName } from '../../bio/name_hash.js';

// All of this waits for the disk: it is for threads of their own, never for the main one.

const PARTITIONS = 64;
const PARTITION_MASK = PARTITIONS - 1;
const PARTITION_BITS = 6;
/** Hashes that a partition gathers before they go to the disk. */
const BLOCK_HASHES = 2048;
const BLOCK_BYTES = BLOCK_HASHES * 8;
/** So many hashes are sorted at once: 16 MB. */
const SORTED_HASHES = 1 << 21;

/**
 * Finds out whether a read's name occurs twice in a file of any size, with a fixed amount of memory: hashes of the names are parted by some of
 * their bits, and lie in a file at `path` while they are many. Exact but for the chance that two names have one hash (see `hashName`).
 */
export class UniqueNames {
  readonly #path: string;
  readonly #blocks = Array.from({ length: PARTITIONS }, () => new Uint32Array(0));
  readonly #used = new Uint32Array(PARTITIONS);
  /** Per partition the numbers of its blocks in the file. */
  readonly #written: number[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly #hash = new Uint32Array(2);
  #file: number | undefined;
  #blocksInFile = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the name between two places in some memory. */
  add(memory: DataView, start: number, end: number): void {
    hashName(memory, start, end, this.#hash);
    const low = this.#hash[0] as number;
    const partition = low & PARTITION_MASK;
    const used = this.#used[partition] as number;
    let block = this.#blocks[partition] as Uint32Array;
    if (used === block.length) block = this.#makeRoom(partition);
    const at = this.#used[partition] as number;
    block[at] = low;
    block[at + 1] = this.#hash[1] as number;
    this.#used[partition] = at + 2;
  }

  /** Whether all names were different. */
  areUnique(): boolean {
    return this.#blocks.every((_, partition) => this.#isUnique(partition));
  }

  /** Removes the file. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
    this.#file = undefined;
  }

  /** A block with room: a larger one, or the same after its hashes went to the disk. */
  #makeRoom(partition: number): Uint32Array {
    const block = this.#blocks[partition] as Uint32Array;
    if (block.length < BLOCK_HASHES * 2) {
      const larger = new Uint32Array(Math.max(64, block.length * 2));
      larger.set(block);
      this.#blocks[partition] = larger;
      return larger;
    }
    this.#file ??= openSync(this.#path, 'w+');
    for (let written = 0; written < BLOCK_BYTES; ) {
      written += writeSync(
        this.#file,
        block,
        written,
        BLOCK_BYTES - written,
        this.#blocksInFile * BLOCK_BYTES + written,
      );
    }
    (this.#written[partition] as number[]).push(this.#blocksInFile++);
    this.#used[partition] = 0;
    return block;
  }

  #isUnique(partition: number): boolean {
    const written = this.#written[partition] as number[];
    const count = written.length * BLOCK_HASHES + (this.#used[partition] as number) / 2;
    // More than are sorted at once are looked at in turns, by their next bits.
    let turnBits = 0;
    while (count / 2 ** turnBits > SORTED_HASHES / 2 && turnBits < 32 - PARTITION_BITS) turnBits++;
    const turns = 2 ** turnBits;
    for (let turn = 0; turn < turns; turn++) if (!this.#isTurnUnique(partition, turn, turns, count)) return false;
    return true;
  }

  #isTurnUnique(partition: number, turn: number, turns: number, count: number): boolean {
    const room = turns === 1 ? count : SORTED_HASHES;
    const gathered = new Uint32Array(room * 2);
    let used = 0;
    const gather = (hashes: Uint32Array, length: number) => {
      for (let i = 0; i < length; i += 2) {
        const low = hashes[i] as number;
        if (((low >>> PARTITION_BITS) & (turns - 1)) !== turn) continue;
        // Even hashes of even names never fill a turn to twice its share; equal ones do.
        if (used === gathered.length) return false;
        gathered[used] = low;
        gathered[used + 1] = hashes[i + 1] as number;
        used += 2;
      }
      return true;
    };
    const block = new Uint32Array(BLOCK_HASHES * 2);
    for (const number of this.#written[partition] as number[]) {
      this.#readBlock(number, block);
      if (!gather(block, block.length)) return false;
    }
    if (!gather(this.#blocks[partition] as Uint32Array, this.#used[partition] as number)) return false;
    new BigUint64Array(gathered.buffer, 0, used / 2).sort();
    for (let i = 2; i < used; i += 2) {
      if (gathered[i] === gathered[i - 2] && gathered[i + 1] === gathered[i - 1]) return false;
    }
    return true;
  }

  #readBlock(number: number, block: Uint32Array): void {
    for (let read = 0; read < BLOCK_BYTES; ) {
      const count = readSync(this.#file as number, block, read, BLOCK_BYTES - read, number * BLOCK_BYTES + read);
      if (count === 0) throw new Error('The file of hashed names has lost its end');
      read += count;
    }
  }
}
