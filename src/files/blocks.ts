import { open } from 'node:fs/promises';

const BLOCK_BYTES = 1 << 20;

/**
 * The bytes of a file in blocks of a megabyte, the last one shorter. A block is good until the next one is asked for: all of them lie
 * in the same buffer, no larger than the file, as large buffers for each block keep the garbage collector busy.
 */
export async function* readBlocks(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const block = new Uint8Array(Math.min(BLOCK_BYTES, size + 1));
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(block, 0, block.length);
      if (bytesRead === 0) return;
      yield block.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
