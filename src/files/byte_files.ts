import { closeSync, openSync, readSync, writeSync } from 'node:fs';

// All of this waits for the disk: it is for threads of their own, never for the main one.

const BLOCK_BYTES = 1 << 20;
const GATHERED_BYTES = 128 * 1024;

/** A file that is written from its beginning; small pieces are gathered. Only `close` makes sure that all of it is written. */
export type ByteWriter = { write(bytes: Uint8Array): void; close(): void };

/** Opens a new file for writing, or empties a former one. It is not published: give it a partial name. */
export function openByteWriter(path: string): ByteWriter {
  const file = openSync(path, 'w');
  const gathered = new Uint8Array(GATHERED_BYTES);
  let used = 0;
  const put = (bytes: Uint8Array) => {
    let written = 0;
    while (written < bytes.length) written += writeSync(file, bytes, written);
  };
  const flush = () => {
    put(gathered.subarray(0, used));
    used = 0;
  };
  return {
    write(bytes) {
      if (used + bytes.length > gathered.length) flush();
      if (bytes.length >= gathered.length) put(bytes);
      else {
        gathered.set(bytes, used);
        used += bytes.length;
      }
    },
    close() {
      try {
        flush();
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Writes a whole file. It is not published: give it a partial name. */
export function writeBytes(path: string, bytes: Uint8Array): void {
  const writer = openByteWriter(path);
  try {
    writer.write(bytes);
  } finally {
    writer.close();
  }
}

/**
 * The bytes of a file in blocks of `blockBytes`, the last one shorter. A block is good until the next one is asked for.
 */
export function* readByteBlocks(path: string, blockBytes = BLOCK_BYTES): Generator<Uint8Array<ArrayBuffer>> {
  const file = openSync(path, 'r');
  try {
    const block = new Uint8Array(blockBytes);
    for (;;) {
      let used = 0;
      while (used < block.length) {
        const read = readSync(file, block, used, block.length - used, null);
        if (read === 0) break;
        used += read;
      }
      if (used > 0) yield block.subarray(0, used);
      if (used < block.length) return;
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Copies parts of a file. The numbers of all ranges, one after the other, say by turns how many bytes to leave out and how many to copy, from
 * the beginning of the file. The copy is not published: give it a partial name. Throws when the file ends before the last range.
 */
export function copyRanges(from: string, to: string, ranges: Iterable<Uint32Array>): void {
  const file = openSync(from, 'r');
  const writer = openByteWriter(to);
  try {
    const block = new Uint8Array(BLOCK_BYTES);
    let at = 0;
    let end = 0;
    // What is copied gathers at the beginning of the block.
    let kept = 0;
    const nextBlock = () => {
      writer.write(block.subarray(0, kept));
      kept = 0;
      at = 0;
      end = readSync(file, block);
      if (end === 0) throw new Error('The file ends before what is to be copied of it');
    };
    for (const counts of ranges) {
      for (let i = 0; i < counts.length; i++) {
        const isCopied = (i & 1) === 1;
        for (let left = counts[i] as number; left > 0; ) {
          if (at === end) nextBlock();
          const part = Math.min(left, end - at);
          if (isCopied) {
            block.copyWithin(kept, at, at + part);
            kept += part;
          }
          at += part;
          left -= part;
        }
      }
    }
    writer.write(block.subarray(0, kept));
  } finally {
    closeSync(file);
    writer.close();
  }
}
