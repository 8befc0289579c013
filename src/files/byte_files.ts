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
 * Copies parts of a file; the ranges follow each other from its beginning and say by turns how many bytes to leave out and how many to
 * copy. The copy is not published: give it a partial name. Throws when the file ends before the last range.
 */
export function copyRanges(from: string, to: string, ranges: Iterable<{ skip: number; copy: number }>): void {
  const file = openSync(from, 'r');
  const writer = openByteWriter(to);
  try {
    const block = new Uint8Array(BLOCK_BYTES);
    let position = 0;
    let blockEnd = 0;
    let used = 0;
    for (const { skip, copy } of ranges) {
      position += skip;
      for (let left = copy; left > 0; ) {
        if (position >= blockEnd) {
          used = readSync(file, block, 0, block.length, position);
          if (used === 0) throw new Error('The file ends before what is to be copied of it');
          blockEnd = position + used;
        }
        const start = used - (blockEnd - position);
        const part = block.subarray(start, Math.min(start + left, used));
        writer.write(part);
        position += part.length;
        left -= part.length;
      }
    }
  } finally {
    closeSync(file);
    writer.close();
  }
}
